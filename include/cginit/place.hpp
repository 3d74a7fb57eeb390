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
    fargate,         ///< AWS Fargate
    nomad,           ///< Nomad
    github_actions,  ///< a job container of GitHub Actions
    lxc,             ///< LXC, LXD, Incus, Proxmox
    nspawn,          ///< systemd-nspawn
    apptainer,       ///< Apptainer, Singularity
    enroot,          ///< enroot (Slurm's pyxis)
    dev_container,   ///< a dev container of an editor or of Codespaces
    // end of places
};

/// What the host is, where it has its own way to boot or to mount. A guess like the place.
enum class Host {
    unknown,
    // hosts: generated from src/advice/places.toml by src/advice/generate_problems.py
    wsl2,            ///< WSL2
    docker_desktop,  ///< Docker Desktop's virtual machine
    orbstack,        ///< OrbStack's virtual machine
    synology,        ///< Synology
    qnap,            ///< QNAP
    unraid,          ///< Unraid
    openvz,          ///< OpenVZ, Virtuozzo
    proxmox,         ///< Proxmox
    talos,           ///< Talos
    raspberry_pi,    ///< Raspberry Pi OS
    // end of hosts
};

[[nodiscard]] const char* to_string(Place place);
[[nodiscard]] const char* to_string(Host host);

}  // namespace cginit
