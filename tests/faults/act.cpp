// SPDX-License-Identifier: MIT
#include "act.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <new>
#include <string>
#include <tuple>
#include <vector>

namespace faults {

const std::vector<play>& all_plays() {
    static const std::vector<play> list{
        {"packages", kerberos, &packages_act},
        {"credentials", kerberos, &credentials_act},
        {"credentials", ntlm, &credentials_act},
        {"credentials", negotiate, &credentials_act},
        {"handshake", kerberos, &handshake_act},
        {"handshake", ntlm, &handshake_act},
        {"handshake", negotiate, &handshake_act},
        {"completed_handshake", kerberos, &completed_handshake_act},
        {"completed_handshake", negotiate, &completed_handshake_act},
        {"establish", kerberos, &establish_act},
        {"establish", ntlm, &establish_act},
        {"messages", kerberos, &messages_act},
        {"messages", ntlm, &messages_act},
        {"messages", negotiate, &messages_act},
        {"parts", kerberos, &parts_act},
        {"parts", ntlm, &parts_act},
        {"halves", kerberos, &halves_act},
        {"attributes", kerberos, &attributes_act},
        {"attributes", negotiate, &attributes_act},
        {"transfer", kerberos, &transfer_act},
        {"transfer", negotiate, &transfer_act},
        {"impersonation", kerberos, &impersonation_act},
        {"impersonation", ntlm, &impersonation_act},
    };
    return list;
}

const char* name_of(function which) {
    static constexpr std::array<const char*, loopback::function_count> names{
#define FAULTS_NAME(result, name, os_name, parameters) os_name,
        SSPAN_OS_CALLS(FAULTS_NAME)
#undef FAULTS_NAME
    };
    return names.at(static_cast<std::size_t>(which));
}

std::string name_of_play(const ::testing::TestParamInfo<std::tuple<play, surface>>& info) {
    const auto& [which, form] = info.param;
    return std::string{which.name} + '_' + which.which.name +
           (form == surface::error_code ? "_error_code" : "_exception");
}

namespace {

/// As long as it lives, memory is scarce.
class hard_times {
public:
    explicit hard_times(scarcity memory) noexcept : before_{allocation::count()} {
        memory.every_later_one ? allocation::fail_from(memory.nth) : allocation::fail_at(memory.nth);
    }
    hard_times(const hard_times&) = delete;
    hard_times& operator=(const hard_times&) = delete;
    ~hard_times() {
        allocation::fail_at(0);
        last_count = allocation::count() - before_;
    }
    static inline std::size_t last_count = 0;

private:
    std::size_t before_;
};

} // namespace

attempt_outcome attempt(const operation& what, surface form, scarcity memory) {
    if (what.prepare) {
        what.prepare();
    }
    attempt_outcome result;
    try {
        static_cast<outcome&>(result) = outcome_of(
            form,
            [&](std::error_code& ec) {
                const hard_times now{memory};
                what.with_code(ec);
            },
            [&] {
                const hard_times now{memory};
                what.throwing();
            });
    } catch (const sspan::error& failure) { // of what has only the throwing form
        static_cast<outcome&>(result) = {failure.code(), failure.what(), failure.function()};
    } catch (const std::bad_alloc&) {
        static_cast<outcome&>(result) = {};
        result.no_memory = true;
    }
    result.allocations = hard_times::last_count;
    return result;
}

std::vector<call> trace_of(const play& which, surface form) {
    loopback::reset();
    std::vector<call> trace;
    std::size_t now = 0;
    {
        auto performed = which.begin(which.which);
        constexpr std::size_t most = 64; // calls of one function in an act
        for (std::size_t i = 0; i != loopback::function_count; ++i) {
            const auto each = static_cast<function>(i);
            for (std::size_t nth = 1; nth <= most; ++nth) {
                loopback::on_call(each, nth, [&trace, &now, each, nth] {
                    trace.push_back({each, nth, loopback::last_flags(each), now});
                });
            }
            loopback::on_call(each, most + 1, [each] { ADD_FAILURE() << "too many calls of " << name_of(each); });
        }
        for (const auto& each : performed->operations) {
            const auto result = attempt(each, form);
            EXPECT_TRUE(succeeded(result)) << each.name;
            EXPECT_TRUE(!each.holds || each.holds()) << each.name;
            ++now;
        }
    }
    loopback::clear_faults();
    EXPECT_TRUE(loopback::live().none());
    EXPECT_EQ(loopback::violations(), 0U);
    return trace;
}

} // namespace faults
