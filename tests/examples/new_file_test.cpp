// SPDX-License-Identifier: MIT
#include "sealed_copy/new_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using files::if_there_is_one;
using files::new_file;

class new_files : public testing::Test {
protected:
    // A relative path: GoogleTest's temporary folder does not exist for Windows programs under Wine.
    std::filesystem::path folder_ = "new_file_test";

    void SetUp() override {
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directory(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::vector<std::string> there() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator{folder_}) {
            names.push_back(files::name(entry.path()));
        }
        std::ranges::sort(names);
        return names;
    }
    [[nodiscard]] std::string content(const std::string& name) const {
        std::ifstream file{folder_ / files::path(name), std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    void make(const std::string& name, std::string_view text, if_there_is_one then = if_there_is_one::fail) const {
        new_file file{folder_};
        file.write(std::as_bytes(std::span{text}));
        file.publish(files::path(name), then);
    }
};

TEST_F(new_files, appears_under_its_name_when_it_is_complete) {
    {
        new_file file{folder_};
        file.write(std::as_bytes(std::span{std::string_view{"ab\n"}}));
        file.write({});
        file.write(std::as_bytes(std::span{std::string_view{"c"}}));
        ASSERT_EQ(there().size(), 1U);
        EXPECT_NE(there()[0], "whole");
        file.publish("whole", if_there_is_one::fail);
    }
    EXPECT_EQ(there(), std::vector<std::string>{"whole"});
    EXPECT_EQ(content("whole"), "ab\nc");
}

TEST_F(new_files, vanishes_without_a_name) {
    {
        new_file file{folder_};
        file.write(std::as_bytes(std::span{std::string_view{"partial"}}));
    }
    EXPECT_TRUE(there().empty());
}

TEST_F(new_files, replaces_only_when_told_to) {
    make("a", "first");
    EXPECT_THROW(make("a", "second"), files::error);
    EXPECT_EQ(there(), std::vector<std::string>{"a"});
    EXPECT_EQ(content("a"), "first");
    make("a", "third", if_there_is_one::replace);
    EXPECT_EQ(there(), std::vector<std::string>{"a"});
    EXPECT_EQ(content("a"), "third");
}

TEST_F(new_files, never_replaces_a_folder) {
    std::filesystem::create_directory(folder_ / "a");
    EXPECT_THROW(make("a", "", if_there_is_one::fail), files::error);
    EXPECT_THROW(make("a", "", if_there_is_one::replace), files::error);
    EXPECT_EQ(there(), std::vector<std::string>{"a"});
}

TEST_F(new_files, needs_a_folder) {
    EXPECT_THROW(new_file{folder_ / "nowhere"}, files::error);
}

TEST_F(new_files, keeps_names_that_are_not_ascii) {
    const std::string name = "gr\xC3\xBC\xC3\x9F"
                             "e \xF0\x9F\x8E\xB5";
    make(name, "x");
    EXPECT_EQ(there(), std::vector<std::string>{name});
}

} // namespace
