// A video that is read once, frame by frame: y4m or bare samples, from a file or a pipe.

#pragma once

#include "input.hpp"

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

struct Arguments;

struct Facts {
    std::string name;  // as given
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::string pixel_format;  // FFmpeg's name
    std::string format;        // the model's
    int depth = 8;
    std::string matrix;  // bt601, bt709, bt2020; empty for RGB
    std::string range;   // limited, full
    std::string chroma_siting;  // left, centre, ...; empty if nobody said, or chroma has none
    std::vector<std::string> assumed;  // which of these nobody said
    std::uint32_t rate = 0;            // frames in `per` seconds, 0 if unknown
    std::uint32_t per = 0;
    std::optional<std::uint64_t> frames;  // as the size of the file has it
    bool interlaced = false;

    bool is_rgb() const { return matrix.empty(); }
    bool is_subsampled() const {
        return format.rfind("yuv42", 0) == 0 || format == "nv12" || format == "p010le";
    }
    bool assumes(const std::string& what) const;
};

class Video {
  public:
    // `where` is a path, or "-" for standard input. Throws framegauge::ScoreError if it cannot be
    // read, UsageError for bare samples without size and format.
    Video(const std::string& where, const Arguments& arguments);

    Facts facts;

    // How many bytes each plane has; to be said before the first frame is read. Throws
    // framegauge::ScoreError if the file is too short for one frame.
    void set_planes(const std::vector<std::uint64_t>& plane_bytes);

    // Reads the next frame's planes to these places; false at the end. Throws
    // framegauge::ScoreError if the end comes inside a frame, or the rest cannot be read.
    bool read(const std::vector<unsigned char*>& planes);

    // Frames read so far, and with the rest of the video passed over.
    std::uint64_t seen() const { return seen_; }
    std::uint64_t count_to_end();

  private:
    void take_raw(const Arguments& arguments);
    void take_y4m();
    void settle_colours(const Arguments& arguments);

    Input input_;
    std::istream in_{&input_};
    std::uint64_t header_bytes_ = 0;
    bool is_y4m_ = false;
    std::vector<std::uint64_t> plane_bytes_;
    std::uint64_t seen_ = 0;
};
