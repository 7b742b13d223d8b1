#include "report.hpp"

#include "pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sys/utsname.h>

namespace {

using Json = nlohmann::ordered_json;  // keys stay as they are written here

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// Names of files may be no UTF-8; a report always is.
std::string written(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json rate(const Facts& video) {
    if (video.rate == 0) return nullptr;
    const std::string frames = std::to_string(video.rate);
    return video.per == 1 ? frames : frames + "/" + std::to_string(video.per);
}

Json input(const Facts& video) {
    const std::string siting = video.chroma_siting.empty() ? "left" : video.chroma_siting;
    return {
        {"name", video.name},
        {"width", video.width},
        {"height", video.height},
        {"pixel_format", video.pixel_format},
        {"format", video.format},
        {"depth", video.depth},
        {"matrix", text_or_null(video.matrix)},
        {"range", video.range},
        {"chroma_siting", text_or_null(video.chroma_siting)},
        {"transfer", nullptr},
        {"primaries", nullptr},
        {"assumed", video.assumed},
        {"from_container", Json::array()},
        {"container_differs", Json::object()},
        {"frame_rate", rate(video)},
        {"frames", video.frames ? Json(*video.frames) : Json(nullptr)},
        {"codec", "rawvideo"},
        {"interlaced", video.interlaced},
        {"orientation", nullptr},
        {"cropped", nullptr},
        {"film_grain", nullptr},
        {"hdr", false},
        {"chroma_siting_taken", video.is_subsampled() ? Json(siting) : Json(nullptr)},
        {"converted", nullptr},
        {"scaled", nullptr},
        {"mismatch_ignored", Json::array()},
    };
}

Json alignment(const Arguments& arguments) {
    return {
        {"offset", 0},
        {"start", 0},
        {"count", nullptr},
        {"subsample", 1},
        {"on_length_mismatch", arguments.on_length_mismatch},
        {"on_rate_mismatch", arguments.on_rate_mismatch},
        {"reference_step", 1},
        {"distorted_step", 1},
    };
}

bool is_score(const framegauge_output& output) { return output.kind == FRAMEGAUGE_SCORE; }

Json model(const Run& run) {
    const framegauge_model_info info = run.model.info();
    Json entries = Json::array();
    for (const framegauge_output& output : run.model.outputs())
        if (is_score(output)) entries.push_back(output.entry);
    return {
        {"origin", "given"},
        {"format", info.format},
        {"precision", info.precision},
        {"quantise", info.quantise ? Json(info.quantise) : Json(nullptr)},
        {"crop_border", info.crop_border},
        {"entries", entries},
        {"sha256", Json::array({run.sha256})},
        {"files", Json::array({std::filesystem::path(run.arguments.model).filename().string()})},
    };
}

Json backend(const Run& run) {
    const framegauge_model_info info = run.model.info();
    utsname machine{};
    uname(&machine);
    return {
        {"asked", run.arguments.backend},
        {"name", run.arguments.backend},
        {"device", info.provider == FRAMEGAUGE_CUDA ? "GPU" : machine.machine},
        {"precision", info.precision},
        {"threads", run.threads},
        {"why", "asked for"},  // or is the default, and nothing else is tried
        {"self_test", "passed"},  // or there would be no model
        {"versions", {{"onnxruntime", info.runtime_version}, {"libframegauge", framegauge_version()}}},
    };
}

Json facts(const framegauge_output& output) {
    return {
        {"better", output.better == FRAMEGAUGE_HIGHER ? "higher" : "lower"},
        {"unit", output.unit},
        {"ideal", number_or_null(output.ideal)},
        {"low", number_or_null(output.low)},
        {"high", number_or_null(output.high)},
        {"entry", output.entry},
    };
}

const char* finish_name(std::int32_t finish) {
    switch (finish) {
        case FRAMEGAUGE_FINISH_PSNR:
            return "psnr";
        case FRAMEGAUGE_FINISH_RATIO:
            return "ratio";
        case FRAMEGAUGE_FINISH_ROOT:
            return "root";
        default:
            return "mean";
    }
}

void put_score(Json& metrics, const std::string& label, double value) {
    metrics[label] = number_or_null(value);
    if (!std::isfinite(value))
        metrics[label + "_status"] = std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

Json pooled_values(const std::vector<double>& scores) {
    Json values = Json::object();
    for (const auto& [name, value] : pooled(scores)) values[name] = number_or_null(value);
    const auto lost = std::count_if(scores.begin(), scores.end(),
                                    [](double score) { return !std::isfinite(score); });
    if (lost > 0)
        values["status"] = std::to_string(lost) + " of " + std::to_string(scores.size()) +
                           " frames have no finite score";
    return values;
}

Json aggregates(const Run& run) {
    const auto outputs = run.model.outputs();
    Json all = Json::array();
    for (const framegauge_aggregate& each : run.model.aggregates()) {
        Json of = Json::array();
        for (std::size_t i = 0; i < each.moment_count; ++i)
            of.push_back(outputs[each.moments[i]].label);
        all.push_back({
            {"name", each.label},
            {"of", of},
            {"finish", finish_name(each.finish)},
            {"peak", number_or_null(each.peak)},
            {"cap", number_or_null(each.cap)},
        });
    }
    return all;
}

// Outputs that scores of the whole clip are made of, so that reports of its parts can be joined.
std::vector<std::size_t> moments_of(const Run& run) {
    std::vector<std::size_t> all;
    for (const framegauge_aggregate& each : run.model.aggregates())
        for (std::size_t i = 0; i < each.moment_count; ++i)
            if (std::find(all.begin(), all.end(), each.moments[i]) == all.end())
                all.push_back(each.moments[i]);
    return all;
}

// Scores of the whole clip, by label.
std::vector<std::pair<std::string, double>> clip_scores(const Run& run) {
    std::vector<std::pair<std::string, double>> scores;
    for (const framegauge_aggregate& each : run.model.aggregates()) {
        std::vector<double> sums;
        for (std::size_t i = 0; i < each.moment_count; ++i) {
            const std::vector<double>& values = run.columns[each.moments[i]];
            // From the first frame to the last, as the library wants it.
            sums.push_back(std::accumulate(values.begin(), values.end(), 0.0));
        }
        scores.emplace_back(each.label, run.model.finish(scores.size(), sums, run.frames));
    }
    return scores;
}

}  // namespace

void write_json(std::ostream& out, const Run& run) {
    const auto outputs = run.model.outputs();
    Json labels = Json::object();
    Json pools = Json::object();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (!is_score(outputs[i])) continue;
        labels[outputs[i].label] = facts(outputs[i]);
        pools[outputs[i].label] = pooled_values(run.columns[i]);
    }
    Json head = {
        {"version", framegauge_version()},
        {"schema_version", 1},
        {"tool", {{"name", "framegauge-score"}, {"version", framegauge_version()}}},
        {"fps", static_cast<double>(run.frames) / run.seconds},
        {"inputs", {{"reference", input(run.reference)}, {"distorted", input(run.distorted)}}},
        {"alignment", alignment(run.arguments)},
        {"model", model(run)},
        {"backend", backend(run)},
        {"outputs", labels},
    };
    if (const Json kinds = aggregates(run); !kinds.empty()) head["aggregates"] = kinds;
    const auto moments = moments_of(run);
    out << "{\n";
    for (const auto& [key, value] : head.items()) out << "  \"" << key << "\": " << written(value) << ",\n";
    out << "  \"frames\": [";
    for (std::size_t frame = 0; frame < run.frames; ++frame) {
        Json metrics = Json::object();
        for (std::size_t i = 0; i < outputs.size(); ++i)
            if (is_score(outputs[i])) put_score(metrics, outputs[i].label, run.columns[i][frame]);
        Json row = {{"frameNum", frame}, {"metrics", metrics}};
        for (const std::size_t i : moments)
            row["moments"][outputs[i].label] = number_or_null(run.columns[i][frame]);
        out << (frame ? ",\n    " : "\n    ") << written(row);
    }
    Json totals = Json::object();
    for (const auto& [label, score] : clip_scores(run)) totals[label] = number_or_null(score);
    out << "\n  ],\n  \"pooled_metrics\": " << written(pools)
        << ",\n  \"aggregate_metrics\": " << written(totals) << ",\n  \"gates\": []\n}\n";
}

void write_table(std::ostream& out, const Run& run) {
    const auto outputs = run.model.outputs();
    const auto row = [&](const std::string& name, const std::vector<std::string>& cells) {
        out << std::left << std::setw(24) << name << std::right;
        for (const std::string& cell : cells) out << ' ' << std::setw(14) << cell;
        out << '\n';
    };
    const auto rounded = [](double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%.6g", value);
        return std::string(std::isfinite(value) ? text : "none");
    };
    row("score", {"mean", "min", "p5", "harmonic mean", "max", "unit", "better"});
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (!is_score(outputs[i])) continue;
        std::vector<std::string> cells;
        const auto values = pooled(run.columns[i]);
        for (const std::string wanted : {"mean", "min", "p5", "harmonic_mean", "max"})
            for (const auto& [name, value] : values)
                if (wanted == name) cells.push_back(rounded(value));
        cells.emplace_back(std::string(outputs[i].unit) == "1" ? "" : outputs[i].unit);
        cells.emplace_back(outputs[i].better == FRAMEGAUGE_HIGHER ? "higher" : "lower");
        row(outputs[i].label, cells);
    }
    for (const auto& [label, score] : clip_scores(run)) row(label, {rounded(score)});
    out << run.frames << (run.frames == 1 ? " frame" : " frames") << " scored.\n";
}
