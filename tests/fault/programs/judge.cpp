// The init of the containers in which cginit is made to fail: says what is wrong with the view that it got, one line
// each, and ends with 0 if nothing is. Arguments: `leaf` or `root`, a file that has to be there or "", and the v1
// controllers that are read-only.
#include <cstdio>
#include <filesystem>

#include "kernel/support/contract.hpp"

int main(int argc, char** argv) {
    if (argc < 3) {
        return 2;
    }
    cginit::ExpectedView expected{{}, {argv + 3, argv + argc}, std::string(argv[1]) == "leaf"};
    std::vector<std::string> breaches = cginit::breaches_of_contract(expected);
    const std::string file = argv[2];
    if (!file.empty() && !std::filesystem::exists(file)) {
        breaches.push_back(file + " is gone");
    }
    for (const std::string& breach : breaches) {
        std::puts(breach.c_str());
    }
    return breaches.empty() ? 0 : 1;
}
