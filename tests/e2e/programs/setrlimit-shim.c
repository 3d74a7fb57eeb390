// crun raises RLIMIT_MEMLOCK before it loads its device filter. Kernels from 5.11 on do not need that, and a root without
// CAP_SYS_RESOURCE may not: this says that it worked.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/resource.h>

#define SHIM(name, type)                                                                                               \
    int name(__rlimit_resource_t resource, const struct type *limit)                                                   \
    {                                                                                                                  \
        int (*real)(__rlimit_resource_t, const struct type *) = dlsym(RTLD_NEXT, #name);                               \
        int result = real(resource, limit);                                                                            \
        return result != 0 && resource == RLIMIT_MEMLOCK ? 0 : result;                                                 \
    }

SHIM(setrlimit, rlimit)
SHIM(setrlimit64, rlimit64)
