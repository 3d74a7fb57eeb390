// The static binary's answer to what is a loop device: nothing is.
//
// libmount sets one up for the option `loop` and for a file that is to be mounted as a file system, and deletes it with the mount:
// cginit mounts neither. Without these answers its loop devices would be linked, and its reader of /sys. They are of util-linux's
// inner headers (lib/loopdev.c, lib/sysfs.c, 2.38.1), which nobody installs; what they take is not looked at. Compiled into static
// builds only.

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

// Declared in headers that are not there.
#pragma GCC diagnostic ignored "-Wmissing-declarations"

extern "C" {

int is_loopdev(const char* /*device*/) { return 0; }
int loopdev_is_used(const char*, const char*, std::uint64_t, std::uint64_t, int) { return 0; }
int loopdev_is_autoclear(const char* /*device*/) { return 0; }
int loopdev_count_by_backing_file(const char* /*file*/, char** /*device*/) { return 0; }
int loopdev_delete(const char* /*device*/) { return -ENOSYS; }

int loopcxt_init(void* /*context*/, int /*flags*/) { return -ENOSYS; }
void loopcxt_deinit(void* /*context*/) {}
int loopcxt_set_device(void* /*context*/, const char* /*device*/) { return -ENOSYS; }
int loopcxt_set_backing_file(void* /*context*/, const char* /*file*/) { return -ENOSYS; }
int loopcxt_set_offset(void* /*context*/, std::uint64_t /*offset*/) { return -ENOSYS; }
int loopcxt_set_sizelimit(void* /*context*/, std::uint64_t /*size*/) { return -ENOSYS; }
int loopcxt_set_flags(void* /*context*/, std::uint32_t /*flags*/) { return -ENOSYS; }
int loopcxt_set_fd(void* /*context*/, int /*fd*/, int /*mode*/) { return -ENOSYS; }
int loopcxt_setup_device(void* /*context*/) { return -ENOSYS; }
int loopcxt_find_unused(void* /*context*/) { return -ENOSYS; }
int loopcxt_find_overlap(void*, const char*, std::uint64_t, std::uint64_t) { return 0; }
int loopcxt_is_autoclear(void* /*context*/) { return 0; }
int loopcxt_is_readonly(void* /*context*/) { return 0; }
int loopcxt_get_fd(void* /*context*/) { return -ENOSYS; }
int loopcxt_get_encrypt_type(void*, std::uint32_t* /*type*/) { return -ENOSYS; }
void* loopcxt_get_info(void* /*context*/) { return nullptr; }
char* loopcxt_get_device(void* /*context*/) { return nullptr; }
char* loopcxt_get_backing_file(void* /*context*/) { return nullptr; }

char* sysfs_devno_to_devpath(dev_t, char*, std::size_t) { return nullptr; }

}  // extern "C"
