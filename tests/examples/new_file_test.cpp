// SPDX-License-Identifier: MIT
#include "examples/new_file.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace std::string_view_literals;

TEST(plain_name, of_a_file_is_accepted) {
    for (const auto name : {"a"sv, "report.pdf"sv, "two words.txt"sv, ".profile"sv, "a.b.c"sv, "console.log"sv,
                            "COM.txt"sv, "COMIC42.cbz"sv, "nullable"sv, "\xC3\xA4.txt"sv}) {
        EXPECT_TRUE(files::is_plain_name(name)) << name;
    }
}

TEST(plain_name, that_leads_elsewhere_is_refused) {
    for (const auto name :
         {""sv, "."sv, ".."sv, "../a"sv, "a/b"sv, R"(a\b)"sv, "/etc/passwd"sv, "C:a"sv, "a:stream"sv, "a\0b"sv,
          "a\nb"sv, "a\x7F"sv, "a*"sv, "a?"sv, "a."sv, "a "sv, " a"sv, R"("a")"sv, "a|b"sv}) {
        EXPECT_FALSE(files::is_plain_name(name)) << name;
    }
    EXPECT_FALSE(files::is_plain_name(std::string(201, 'a')));
}

TEST(plain_name, of_a_device_is_refused) {
    for (const auto name : {"NUL"sv, "nul"sv, "nul.txt"sv, "Con"sv, "aux.c"sv, "prn "sv, "prn .txt"sv, "COM1"sv,
                            "com9.log"sv, "LPT1.x"sv, "CONIN$"sv, "COM\xC2\xB9"sv}) {
        EXPECT_FALSE(files::is_plain_name(name)) << name;
    }
}

class new_file : public ::testing::Test {
protected:
    void SetUp() override {
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directory(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::ptrdiff_t count() const {
        return std::distance(std::filesystem::directory_iterator{folder_}, {});
    }
    static std::string content(const std::filesystem::path& path) {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    static void write(files::new_file& file, std::string_view text) { file.write(std::as_bytes(std::span{text})); }

    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / "sspan_new_file_test";
    std::filesystem::path name_ = folder_ / "name";
};

TEST_F(new_file, appears_when_it_is_kept) {
    {
        files::new_file file{name_};
        write(file, "one ");
        write(file, "two");
        EXPECT_FALSE(std::filesystem::exists(name_));
        file.keep();
    }
    EXPECT_EQ(content(name_), "one two");
    EXPECT_EQ(count(), 1);
}

TEST_F(new_file, leaves_nothing_when_it_is_not) {
    {
        files::new_file file{name_};
        write(file, "one");
        EXPECT_EQ(count(), 1);
    }
    EXPECT_EQ(count(), 0);
}

TEST_F(new_file, replaces_nothing) {
    {
        files::new_file file{name_};
        write(file, "new");
        std::ofstream{name_} << "old";
        EXPECT_THROW(file.keep(), files::error);
    }
    EXPECT_EQ(content(name_), "old");
    EXPECT_EQ(count(), 1);
}

TEST_F(new_file, two_of_one_name_do_not_mix) {
    files::new_file file{name_};
    EXPECT_THROW(files::new_file{name_}, files::error);
    write(file, "one");
    file.keep();
    EXPECT_EQ(content(name_), "one");
}

TEST_F(new_file, needs_its_folder) {
    EXPECT_THROW(files::new_file{folder_ / "none" / "name"}, files::error);
}

} // namespace
