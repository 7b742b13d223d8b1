#include "sha256.hpp"

#include <algorithm>
#include <cmath>

namespace framegauge {
namespace {

constexpr std::size_t block_bytes = 64;

std::uint32_t rotated(std::uint32_t word, int right) {
    return word >> right | word << (32 - right);
}

// Section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
std::array<std::uint32_t, 64> round_constants() {
    std::array<std::uint32_t, 64> constants{};
    std::size_t found = 0;
    for (int number = 2; found < constants.size(); ++number) {
        bool is_prime = true;
        for (int factor = 2; factor * factor <= number; ++factor)
            is_prime = is_prime && number % factor != 0;
        if (!is_prime) continue;
        const auto root = std::cbrt(static_cast<long double>(number));
        constants[found++] =
            static_cast<std::uint32_t>(std::ldexp(root - std::floor(root), 32));
    }
    return constants;
}

}  // namespace

// Section 6.2.2.
void Sha256::add_block(const unsigned char* block) {
    static const auto constants = round_constants();
    std::array<std::uint32_t, 64> w{};
    for (std::size_t t = 0; t < 16; ++t)
        for (std::size_t byte = 0; byte < 4; ++byte) w[t] = w[t] << 8 | block[4 * t + byte];
    for (std::size_t t = 16; t < 64; ++t) {
        const std::uint32_t s0 = rotated(w[t - 15], 7) ^ rotated(w[t - 15], 18) ^ w[t - 15] >> 3;
        const std::uint32_t s1 = rotated(w[t - 2], 17) ^ rotated(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t t = 0; t < 64; ++t) {
        const std::uint32_t one = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) +
                                  ((e & f) ^ (~e & g)) + constants[t] + w[t];
        const std::uint32_t two =
            (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + one;
        d = c;
        c = b;
        b = a;
        a = one + two;
    }
    const std::array<std::uint32_t, 8> worked{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < state_.size(); ++i) state_[i] += worked[i];
}

void Sha256::add(std::string_view bytes) {
    count_ += bytes.size();
    const auto* begin = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t at = 0;
    if (!rest_.empty()) {
        at = std::min(block_bytes - rest_.size(), bytes.size());
        rest_ += bytes.substr(0, at);
        if (rest_.size() < block_bytes) return;
        add_block(reinterpret_cast<const unsigned char*>(rest_.data()));
        rest_.clear();
    }
    for (; bytes.size() - at >= block_bytes; at += block_bytes) add_block(begin + at);
    rest_ = bytes.substr(at);
}

std::string Sha256::hex() const {
    Sha256 whole = *this;
    std::string end(1, '\x80');
    while ((rest_.size() + end.size()) % block_bytes != 56) end += '\0';
    for (int shift = 56; shift >= 0; shift -= 8) end += static_cast<char>(count_ * 8 >> shift & 255);
    whole.add(end);
    std::string digits;
    for (const std::uint32_t word : whole.state_)
        for (int shift = 28; shift >= 0; shift -= 4)
            digits += "0123456789abcdef"[word >> shift & 15];
    return digits;
}

}  // namespace framegauge
