#include "sha256.hpp"

#include <array>
#include <cmath>
#include <cstdint>

namespace {

using Words = std::array<std::uint32_t, 8>;

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

// Section 6.2.2.
void add_block(Words& state, const unsigned char* block) {
    static const auto constants = round_constants();
    std::array<std::uint32_t, 64> w{};
    for (std::size_t t = 0; t < 16; ++t)
        for (std::size_t byte = 0; byte < 4; ++byte) w[t] = w[t] << 8 | block[4 * t + byte];
    for (std::size_t t = 16; t < 64; ++t) {
        const std::uint32_t s0 = rotated(w[t - 15], 7) ^ rotated(w[t - 15], 18) ^ w[t - 15] >> 3;
        const std::uint32_t s1 = rotated(w[t - 2], 17) ^ rotated(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
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
    const Words worked{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < state.size(); ++i) state[i] += worked[i];
}

}  // namespace

std::string sha256_of(std::string bytes) {
    const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
    bytes += '\x80';
    while (bytes.size() % 64 != 56) bytes += '\0';
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift & 255);

    Words state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (std::size_t at = 0; at < bytes.size(); at += 64)
        add_block(state, reinterpret_cast<const unsigned char*>(bytes.data()) + at);
    std::string hex;
    for (const std::uint32_t word : state)
        for (int shift = 28; shift >= 0; shift -= 4) hex += "0123456789abcdef"[word >> shift & 15];
    return hex;
}
