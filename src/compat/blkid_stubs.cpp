// The static binary's answer to what is on a block device: nobody knows.
//
// libmount asks libblkid for LABEL= and UUID= sources and for the file systems of devices, none of which cginit ever mounts.
// Without these answers the parsers of all file systems and partition tables would be linked. What has a result says "none" or
// "failed": no source is a tag, and no device has a known file system. Compiled into static builds only.

#include <blkid.h>

extern "C" {

char* blkid_evaluate_tag(const char* /*token*/, const char* /*value*/, blkid_cache* /*cache*/) { return nullptr; }
int blkid_parse_tag_string(const char* /*token*/, char** /*type*/, char** /*value*/) { return -1; }
int blkid_known_fstype(const char* /*type*/) { return 0; }
void blkid_put_cache(blkid_cache /*cache*/) {}

blkid_probe blkid_new_probe_from_filename(const char* /*name*/) { return nullptr; }
void blkid_free_probe(blkid_probe /*probe*/) {}
int blkid_probe_enable_superblocks(blkid_probe /*probe*/, int /*enable*/) { return -1; }
int blkid_probe_set_superblocks_flags(blkid_probe /*probe*/, int /*flags*/) { return -1; }
int blkid_probe_enable_partitions(blkid_probe /*probe*/, int /*enable*/) { return -1; }
int blkid_probe_set_partitions_flags(blkid_probe /*probe*/, int /*flags*/) { return -1; }
int blkid_do_safeprobe(blkid_probe /*probe*/) { return -1; }
int blkid_probe_lookup_value(blkid_probe /*probe*/, const char* /*name*/, const char** /*data*/, size_t* /*size*/) {
    return -1;
}

}  // extern "C"
