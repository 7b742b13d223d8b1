// SHA-256, FIPS 180-4, for the model's identity in a report.

#pragma once

#include <string>

// Of a file's bytes, in hex. Throws framegauge::ScoreError if it cannot be read.
std::string sha256_of_file(const std::string& path);
