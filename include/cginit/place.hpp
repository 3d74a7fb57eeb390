#pragma once

namespace cginit {

/// Where people started the container, whose words they use. A guess: it chooses words, and nothing is decided by it.
enum class Place {
    unknown,
    // places: generated from src/advice/places.toml by src/advice/generate_problems.py
    docker,          ///< Docker
    podman,          ///< Podman
    nerdctl,         ///< nerdctl
    kubernetes,      ///< Kubernetes, with containerd, CRI-O or Docker
    ecs,             ///< Amazon ECS
    nomad,           ///< Nomad
    github_actions,  ///< a job container of GitHub Actions
    lxc,             ///< LXC, LXD, Incus, Proxmox
    // end of places
};

[[nodiscard]] const char* to_string(Place place);

}  // namespace cginit
