// A disk or mount that fails: preloaded, it lets FAILING_AFTER bytes of the file whose path ends in
// FAILING_NAME be read, and then gives EIO.

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <unistd.h>

namespace {

bool fails(int file) {
    char path[4096] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(file);
    const ssize_t length = readlink(link.c_str(), path, sizeof path - 1);
    const std::size_t ending = std::strlen(std::getenv("FAILING_NAME"));
    return length >= static_cast<ssize_t>(ending) &&
           std::strcmp(path + length - ending, std::getenv("FAILING_NAME")) == 0;
}

}  // namespace

extern "C" ssize_t read(int file, void* to, std::size_t count) {
    static const auto real =
        reinterpret_cast<ssize_t (*)(int, void*, std::size_t)>(dlsym(RTLD_NEXT, "read"));
    static long left = std::atol(std::getenv("FAILING_AFTER"));
    if (!fails(file)) return real(file, to, count);
    if (left == 0) {
        errno = EIO;
        return -1;
    }
    const ssize_t got = real(file, to, count < static_cast<std::size_t>(left) ? count : left);
    left -= got;
    return got;
}
