// attack DIRECTORY: tries what it is told, one name per line, by the pipe DIRECTORY/in, and answers by DIRECTORY/out with
// one line each: NAME TAB RESULT TAB DETAIL. "list" gives the names, "quit" ends it. What a try made lives on until the
// next name comes, so that the caller can look at it.
//
// After "reckless", for virtual machines made for this, it also does what changes the whole machine.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "attack.hpp"

namespace {

using attack::Attack;
using attack::Report;

std::vector<Attack> all_attacks() {
    std::vector<Attack> all;
    for (const auto& some :
         {attack::write_attacks(), attack::held_attacks(), attack::tree_attacks(), attack::mount_attacks(),
          attack::namespace_attacks(), attack::kernel_attacks(), attack::bites()}) {
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

/// Runs it in a child that stays when it is done; the line that it answers.
std::string try_in_child(const Attack& chosen, pid_t& child) {
    int answer[2];
    if (::pipe2(answer, O_CLOEXEC) != 0) {
        return "broken\tno pipe";
    }
    child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        Report report;
        chosen.run(report);
        const std::string line = report.line() + "\n";
        if (::write(answer[1], line.data(), line.size()) < 0) {
            ::_exit(1);
        }
        for (;;) {
            ::pause();
        }
    }
    ::close(answer[1]);
    std::string line;
    char byte = 0;
    while (::read(answer[0], &byte, 1) == 1 && byte != '\n') {
        line += byte;
    }
    ::close(answer[0]);
    return line.empty() ? "broken\tit ended without an answer" : line;
}

void end(pid_t& child) {
    if (child > 0) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    child = -1;
}

void serve(std::istream& in, std::ostream& out) {
    pid_t child = -1;
    for (std::string name; std::getline(in, name) && name != "quit";) {
        end(child);
        std::string answer = "broken\tno such attack";
        if (name == "reckless") {
            attack::set_reckless();
            answer = "harmless\t-";
        }
        for (const Attack& known : all_attacks()) {
            if (name == known.name) {
                answer = try_in_child(known, child);
            } else if (name == "list") {
                answer = (answer.starts_with("broken") ? "names\t" : answer + " ") + known.name;
            }
        }
        out << name << '\t' << answer << std::endl;
    }
    end(child);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string directory = argc == 2 ? argv[1] : ".";
    std::ifstream in(directory + "/in");
    std::ofstream out(directory + "/out");
    if (!in || !out) {
        std::perror(directory.c_str());
        return 2;
    }
    serve(in, out);
    return 0;
}
