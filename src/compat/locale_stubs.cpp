// The static binary's answer to money, dates and message catalogues of a locale: nobody asks.
//
// A stream brings libstdc++'s classic locale, and that brings every facet, narrow and wide, for both kinds of std::string: a fifth
// of the binary. CLI11 puts text and numbers into streams, and nothing else here uses them. A facet is reached only through its
// vtable: with these in place of libstdc++'s, the linker leaves out what those would name. A call would end the program. The linker
// compares the sizes, and the link fails where libstdc++ has another number of functions. Compiled into static builds only.

#include <cstddef>
#include <cstdlib>
#include <locale>

namespace {

using Function = void (*)();

[[noreturn]] void nobody_asks() { std::abort(); }

// As the Itanium C++ ABI lays it out.
template <std::size_t kFunctions>
struct Vtable {
    std::ptrdiff_t offset_to_top = 0;
    const void* type = nullptr;
    Function functions[kFunctions];

    constexpr Vtable() {
        for (Function& function : functions)
            function = nobody_asks;
    }
};

}  // namespace

// What makes a facet for one kind of std::string out of one for the other, where a program has put one into a locale.
const std::locale::facet* std::locale::facet::_M_cow_shim(const std::locale::id* /*which*/) const { nobody_asks(); }
const std::locale::facet* std::locale::facet::_M_sso_shim(const std::locale::id* /*which*/) const { nobody_asks(); }

extern "C" {

// By their names in the object files (c++filt tells): NSt7__cxx11 is for std::string as it is today.
#define CGINIT_STUB(FUNCTIONS, FACET)           \
    extern const Vtable<FUNCTIONS> _ZTV##FACET; \
    constinit const Vtable<FUNCTIONS> _ZTV##FACET

CGINIT_STUB(5, St8messagesIcE);
CGINIT_STUB(5, St8messagesIwE);
CGINIT_STUB(5, NSt7__cxx118messagesIcEE);
CGINIT_STUB(5, NSt7__cxx118messagesIwEE);
CGINIT_STUB(4, St9money_getIcSt19istreambuf_iteratorIcSt11char_traitsIcEEE);
CGINIT_STUB(4, St9money_getIwSt19istreambuf_iteratorIwSt11char_traitsIwEEE);
CGINIT_STUB(4, NSt7__cxx119money_getIcSt19istreambuf_iteratorIcSt11char_traitsIcEEEE);
CGINIT_STUB(4, NSt7__cxx119money_getIwSt19istreambuf_iteratorIwSt11char_traitsIwEEEE);
CGINIT_STUB(4, St9money_putIcSt19ostreambuf_iteratorIcSt11char_traitsIcEEE);
CGINIT_STUB(4, St9money_putIwSt19ostreambuf_iteratorIwSt11char_traitsIwEEE);
CGINIT_STUB(4, NSt7__cxx119money_putIcSt19ostreambuf_iteratorIcSt11char_traitsIcEEEE);
CGINIT_STUB(4, NSt7__cxx119money_putIwSt19ostreambuf_iteratorIwSt11char_traitsIwEEEE);
CGINIT_STUB(8, St8time_getIcSt19istreambuf_iteratorIcSt11char_traitsIcEEE);
CGINIT_STUB(8, St8time_getIwSt19istreambuf_iteratorIwSt11char_traitsIwEEE);
CGINIT_STUB(9, NSt7__cxx118time_getIcSt19istreambuf_iteratorIcSt11char_traitsIcEEEE);
CGINIT_STUB(9, NSt7__cxx118time_getIwSt19istreambuf_iteratorIwSt11char_traitsIwEEEE);
CGINIT_STUB(3, St8time_putIcSt19ostreambuf_iteratorIcSt11char_traitsIcEEE);
CGINIT_STUB(3, St8time_putIwSt19ostreambuf_iteratorIwSt11char_traitsIwEEE);

#undef CGINIT_STUB

}  // extern "C"
