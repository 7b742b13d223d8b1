// Test frames of any size from an integer formula, for a model's self-test.
//
// The formula stands in every manifest, and at length in export/contract/selftest.py; this must give the same
// samples bit for bit.

#pragma once

#include "manifest.hpp"

#include <vector>

namespace framegauge {

// The bytes of one input: `batch` test samples, one after the other.
std::vector<unsigned char> test_bytes(const Format& format, const Input& input, std::size_t batch,
                                      Size size);

}  // namespace framegauge
