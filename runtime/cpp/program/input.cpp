#include "input.hpp"

#include <framegauge.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr std::size_t buffer_bytes = 1 << 16;

[[noreturn]] void refuse(const std::string& text) {
    throw framegauge::ScoreError(FRAMEGAUGE_FAILED, text);
}

// A pipe from another program may be set not to block.
void wait_for(int file) {
    pollfd wanted{file, POLLIN, 0};
    poll(&wanted, 1, -1);
}

}  // namespace

Input::Input(const std::string& where)
    : called_(where == "-" ? "Standard input" : where), file_(STDIN_FILENO), held_(buffer_bytes) {
    if (where == "-") return;
    file_ = ::open(where.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat facts {};
    const bool is_open = file_ >= 0 && fstat(file_, &facts) == 0;
    if (is_open && S_ISREG(facts.st_mode)) size_ = static_cast<std::uint64_t>(facts.st_size);
    if (is_open && !S_ISDIR(facts.st_mode)) return;
    const int why = is_open ? EISDIR : errno;
    if (file_ >= 0) ::close(file_);
    refuse(called_ + " cannot be read: " + std::strerror(why) +
           ". Check the path and its permissions.");
}

Input::~Input() {
    if (file_ != STDIN_FILENO) ::close(file_);
}

bool Input::begins_with(std::string_view start) {
    std::size_t held = 0;
    const auto begun = [&] { return std::string_view(held_.data(), held).substr(0, start.size()); };
    // A pipe may give them in pieces.
    while (held < start.size() && begun() == start.substr(0, held)) {
        const std::size_t taken = take(held_.data() + held, held_.size() - held);
        if (taken == 0) break;
        held += taken;
    }
    setg(held_.data(), held_.data(), held_.data() + held);
    return begun() == start;
}

Input::int_type Input::underflow() {
    const std::size_t taken = take(held_.data(), held_.size());
    setg(held_.data(), held_.data(), held_.data() + taken);
    return taken == 0 ? traits_type::eof() : traits_type::to_int_type(held_.front());
}

std::streamsize Input::xsgetn(char* to, std::streamsize count) {
    const std::streamsize held = std::min<std::streamsize>(count, egptr() - gptr());
    std::copy_n(gptr(), held, to);
    setg(eback(), gptr() + held, egptr());
    std::streamsize done = held;
    while (done < count) {
        const std::size_t taken = take(to + done, static_cast<std::size_t>(count - done));
        if (taken == 0) break;
        done += static_cast<std::streamsize>(taken);
    }
    return done;
}

// Bytes from the file itself; none at its end.
std::size_t Input::take(char* to, std::size_t room) {
    ssize_t got = 0;
    while ((got = ::read(file_, to, room)) < 0 && (errno == EINTR || errno == EAGAIN))
        if (errno == EAGAIN) wait_for(file_);
    if (got < 0)
        refuse(called_ + " cannot be read further: " + std::strerror(errno) +
               ". Get an intact copy.");
    if (got == 0 && size_ && taken_ != *size_)
        refuse(called_ + " changed while it was read: it had " + std::to_string(*size_) +
               " bytes, and ends after " + std::to_string(taken_) +
               ". Score it when nothing writes it.");
    taken_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
}

std::string content_of(const std::string& path) {
    Input input{path};
    std::string content;
    std::vector<char> piece(buffer_bytes);
    for (std::streamsize count; (count = input.sgetn(piece.data(), buffer_bytes)) > 0;)
        content.append(piece.data(), static_cast<std::size_t>(count));
    return content;
}
