// Bytes of a file or pipe, for std::istream. A reading that fails throws: it is never an end.

#pragma once

#include <cstdint>
#include <optional>
#include <streambuf>
#include <string>
#include <string_view>
#include <vector>

class Input : public std::streambuf {
  public:
    // `where` is a path, or "-" for standard input. Throws framegauge::ScoreError if it cannot be
    // read; so does every reading that fails, or meets the end of a file where it was not before.
    explicit Input(const std::string& where);
    ~Input() override;
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    const std::string& called() const { return called_; }  // in messages
    // Of a file, when it was opened.
    std::optional<std::uint64_t> size() const { return size_; }

    // Whether these are the first bytes, which stay to be read. To be asked before any is taken.
    bool begins_with(std::string_view start);

  protected:
    int_type underflow() override;
    std::streamsize xsgetn(char* to, std::streamsize count) override;

  private:
    std::size_t take(char* to, std::size_t room);

    std::string called_;
    int file_;
    std::optional<std::uint64_t> size_;
    std::uint64_t taken_ = 0;
    std::vector<char> held_;
};

// All bytes of a file.
std::string content_of(const std::string& path);
