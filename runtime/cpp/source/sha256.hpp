// SHA-256, FIPS 180-4: how a model file knows itself, and what reports call it by.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace framegauge {

class Sha256 {
  public:
    // Further bytes.
    void add(std::string_view bytes);
    // Of all bytes so far, in hex.
    std::string hex() const;

  private:
    void add_block(const unsigned char* block);

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::uint64_t count_ = 0;  // of all bytes
    std::string rest_;         // those that make no block yet
};

}  // namespace framegauge
