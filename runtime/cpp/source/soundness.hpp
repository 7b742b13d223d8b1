// What a manifest may say: refused here is what a damaged or hostile file would make hosts do.

#pragma once

#include "colour.hpp"
#include "manifest.hpp"

#include <string>
#include <vector>

namespace framegauge {

// Each throws a failure that says what is wrong, and what it should be.

// There are some, and each once.
void check_once(const char* kind, const std::vector<std::string>& names);

// All of a graph, maps too: they look at roles that there are, and their limits can be kept to, and
// not by everything.
void check_outputs(const std::vector<Output>& outputs, const std::vector<std::string>& roles);

// It has the moments and parameters that its finish takes, within bounds.
void check_aggregate(const Aggregate& aggregate);

// Of every moment some clip's score is made.
void check_moments(const Manifest& manifest);

// Names of outputs, of aggregates and of what is missing: each is a label, and there once.
void check_labels(const std::vector<std::string>& names);

// The number of a property that frames are bound to by its name: frames of the format have it, and
// no input says it too.
std::int32_t check_bound(const std::string& value, const Property& property, Part part,
                         const Manifest& manifest);

// Every output that is a number and every clip's score is proven, on colours and sitings just where
// the model takes some.
void check_self_test(const Manifest& manifest);

}  // namespace framegauge
