// The static binary's answer to every user and group lookup: there is none.
//
// libmount resolves the names in uid= and gid= mount options, which cginit never passes. glibc's own definitions would
// bring in NSS: /etc/nsswitch.conf, and shared objects loaded at run time that must match this very glibc. In an image
// that we know nothing about, no answer is the only right one. Compiled into static builds only.

#include <cerrno>
#include <cstddef>

#include <grp.h>
#include <pwd.h>

extern "C" {

int getpwnam_r(const char* /*name*/, passwd* /*entry*/, char* /*buffer*/, std::size_t /*size*/, passwd** result) {
    *result = nullptr;
    return ENOENT;
}

int getpwuid_r(uid_t /*uid*/, passwd* /*entry*/, char* /*buffer*/, std::size_t /*size*/, passwd** result) {
    *result = nullptr;
    return ENOENT;
}

int getgrnam_r(const char* /*name*/, group* /*entry*/, char* /*buffer*/, std::size_t /*size*/, group** result) {
    *result = nullptr;
    return ENOENT;
}

}  // extern "C"
