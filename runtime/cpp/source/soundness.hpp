// What a manifest may say: refused here is what a damaged or hostile file would make hosts do.

#pragma once

#include "manifest.hpp"

#include <string>
#include <vector>

namespace framegauge {

// Each throws a failure that says what is wrong, and what it should be.

// There are some, and each once.
void check_names(const char* kind, const std::vector<std::string>& names);

// All of a graph, maps too: their limits can be kept to, and not by everything.
void check_outputs(const std::vector<Output>& outputs);

// Every output that is a number is proven, on colours just where the model takes some.
void check_self_test(const Manifest& manifest);

}  // namespace framegauge
