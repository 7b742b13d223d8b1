// SHA-256, FIPS 180-4, for the model's identity in a report.

#pragma once

#include <string>

// In hex.
std::string sha256_of(std::string bytes);
