#include "detect/detect.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include "core/text.hpp"

namespace cginit {
namespace {

/// `stab145`: the part, and a number behind it.
bool has_numbered(std::string_view text, std::string_view part) {
    const std::size_t at = text.find(part);
    const std::size_t behind = at == std::string_view::npos ? text.size() : at + part.size();
    return behind < text.size() && std::isdigit(static_cast<unsigned char>(text[behind])) != 0;
}

/// A file that the engine keeps in such a folder of the host.
bool keeps_files_in(const MountTable& mounts, std::string_view folder) {
    return std::any_of(mounts.begin(), mounts.end(), [folder](const MountEntry& mount) {
        return is_engines_file(mount) && contains(mount.root, folder);
    });
}

struct HostSign {
    Host host;
    bool (*is)(std::string_view release, const MountTable& mounts);
    const char* evidence;
};

constexpr const char* kRelease = "its kernel's release";
constexpr const char* kFiles = "the folder of the engine's files";

/// `5.15.153.1-microsoft-standard-WSL2`, `6.6.12-linuxkit`, `6.7.11-orbstack-00143-ge6b82e26cd22`, `6.1.79-Unraid`,
/// `3.10.0-1160.21.1.vz7.174.13`, `2.6.32-042stab145.3`, `6.8.12-4-pve`, `6.12.9-talos`, `6.6.62+rpt-rpi-2712`, `5.10.103-v7l+`;
/// `/@docker/containers/ID/hosts`, `/Container/container-station-data/lib/docker/containers/ID/hosts`.
constexpr HostSign kHosts[] = {
    {Host::wsl2, [](std::string_view release, const MountTable&) { return contains(release, "microsoft"); }, kRelease},
    {Host::docker_desktop, [](std::string_view release, const MountTable&) { return contains(release, "linuxkit"); },
     kRelease},
    {Host::orbstack, [](std::string_view release, const MountTable&) { return contains(release, "orbstack"); },
     kRelease},
    {Host::unraid, [](std::string_view release, const MountTable&) { return release.ends_with("-Unraid"); }, kRelease},
    {Host::openvz,
     [](std::string_view release, const MountTable&) {
         return has_numbered(release, ".vz") || has_numbered(release, "stab");
     },
     kRelease},
    {Host::proxmox, [](std::string_view release, const MountTable&) { return release.ends_with("-pve"); }, kRelease},
    {Host::talos, [](std::string_view release, const MountTable&) { return release.ends_with("-talos"); }, kRelease},
    {Host::raspberry_pi,
     [](std::string_view release, const MountTable&) {
         return contains(release, "-rpi-") || release.ends_with("-v7l+") || release.ends_with("-v8+");
     },
     kRelease},
    {Host::synology, [](std::string_view, const MountTable& mounts) { return keeps_files_in(mounts, "/@docker/"); },
     kFiles},
    {Host::qnap,
     [](std::string_view, const MountTable& mounts) { return keeps_files_in(mounts, "/container-station-data/"); },
     kFiles},
};

}  // namespace

HostFacts detect_host(const Snapshot& snapshot) {
    const std::string release = snapshot.kernel_release.value_or("");
    std::vector<HostFacts> found;
    for (const HostSign& row : kHosts) {
        if (row.is(release, snapshot.mounts)) {
            found.push_back({row.host, row.evidence});
        }
    }
    return found.size() == 1 ? found.front() : HostFacts{};
}

}  // namespace cginit
