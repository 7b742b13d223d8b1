// What came of scoring one video against another, for people and as JSON.

#pragma once

#include "arguments.hpp"
#include "video.hpp"

#include <framegauge.hpp>

#include <ostream>
#include <vector>

struct Run {
    const Arguments& arguments;
    const framegauge::Model& model;
    int threads;
    const std::string& sha256;  // of the model's file
    const Facts& reference;
    const Facts& distorted;
    std::size_t frames;
    std::vector<std::vector<double>> columns;  // for each output of the model, its values
    double seconds;
};

// A superset of libvmaf's JSON, as `framegauge score --json` writes it: report.schema.json.
void write_json(std::ostream& out, const Run& run);

// Pooled scores, a line each.
void write_table(std::ostream& out, const Run& run);
