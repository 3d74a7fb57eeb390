// What std::terminate() says. libstdc++'s own handler demangles the exception's type, for which a demangler and stdio would be
// linked; main() lets no exception out.

#include <cstdlib>
#include <exception>

namespace __gnu_cxx {
void __verbose_terminate_handler() { std::abort(); }
}  // namespace __gnu_cxx
