// SPDX-License-Identifier: MIT
#include "scenario.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <new>
#include <string>
#include <tuple>
#include <vector>

namespace faults {

const std::vector<named_scenario>& all_scenarios() {
    static const std::vector<named_scenario> list{
        {"packages", kerberos, &packages_scenario},
        {"credentials", kerberos, &credentials_scenario},
        {"credentials", ntlm, &credentials_scenario},
        {"credentials", negotiate, &credentials_scenario},
        {"handshake", kerberos, &handshake_scenario},
        {"handshake", ntlm, &handshake_scenario},
        {"handshake", negotiate, &handshake_scenario},
        {"completed_handshake", kerberos, &completed_handshake_scenario},
        {"completed_handshake", negotiate, &completed_handshake_scenario},
        {"establish", kerberos, &establish_scenario},
        {"establish", ntlm, &establish_scenario},
        {"messages", kerberos, &messages_scenario},
        {"messages", ntlm, &messages_scenario},
        {"messages", negotiate, &messages_scenario},
        {"parts", kerberos, &parts_scenario},
        {"parts", ntlm, &parts_scenario},
        {"halves", kerberos, &halves_scenario},
        {"attributes", kerberos, &attributes_scenario},
        {"attributes", negotiate, &attributes_scenario},
        {"transfer", kerberos, &transfer_scenario},
        {"transfer", negotiate, &transfer_scenario},
        {"impersonation", kerberos, &impersonation_scenario},
        {"impersonation", ntlm, &impersonation_scenario},
        {"http_negotiate", kerberos, &http_negotiate_scenario},
        {"http_negotiate", negotiate, &http_negotiate_scenario},
        {"sasl", kerberos, &sasl_scenario},
        {"sasl", negotiate, &sasl_scenario},
        {"negotiate_stream", kerberos, &negotiate_stream_scenario},
        {"negotiate_stream", negotiate, &negotiate_stream_scenario},
        {"signed_negotiate_stream", kerberos, &signed_negotiate_stream_scenario},
        {"signed_negotiate_stream", ntlm, &signed_negotiate_stream_scenario},
        {"signed_negotiate_stream", negotiate, &signed_negotiate_stream_scenario},
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

std::string name_of_scenario(const ::testing::TestParamInfo<std::tuple<named_scenario, surface>>& info) {
    const auto& [which, form] = info.param;
    return std::string{which.name} + '_' + which.which.name +
           (form == surface::error_code ? "_error_code" : "_exception");
}

namespace {

/// Makes allocations fail during its lifetime.
class scarce_memory {
public:
    explicit scarce_memory(scarcity memory) noexcept : before_{allocation::count()} {
        memory.every_later_one ? allocation::fail_from(memory.nth) : allocation::fail_at(memory.nth);
    }
    scarce_memory(const scarce_memory&) = delete;
    scarce_memory& operator=(const scarce_memory&) = delete;
    ~scarce_memory() {
        allocation::fail_at(0);
        last_count = allocation::count() - before_;
    }
    static inline std::size_t last_count = 0;

private:
    std::size_t before_;
};

} // namespace

attempt_outcome attempt(const step& what, surface form, scarcity memory) {
    if (what.prepare) {
        what.prepare();
    }
    attempt_outcome result;
    try {
        static_cast<outcome&>(result) = outcome_of(
            form,
            [&](std::error_code& ec) {
                const scarce_memory now{memory};
                what.with_code(ec);
            },
            [&] {
                const scarce_memory now{memory};
                what.throwing();
            });
    } catch (const sspan::error& failure) { // the function has only the throwing form
        static_cast<outcome&>(result) = {failure.code(), failure.what(), failure.function()};
    } catch (const std::bad_alloc&) {
        static_cast<outcome&>(result) = {};
        result.no_memory = true;
    }
    result.allocations = scarce_memory::last_count;
    return result;
}

std::vector<call> trace_of(const named_scenario& which, surface form) {
    loopback::reset();
    std::vector<call> trace;
    std::size_t now = 0;
    {
        auto running = which.begin(which.which);
        constexpr std::size_t most = 64; // limit for the calls of one function in a scenario
        for (std::size_t i = 0; i != loopback::function_count; ++i) {
            const auto each = static_cast<function>(i);
            for (std::size_t nth = 1; nth <= most; ++nth) {
                loopback::on_call(each, nth, [&trace, &now, each, nth] {
                    trace.push_back({each, nth, loopback::last_flags(each), now});
                });
            }
            loopback::on_call(each, most + 1, [each] { ADD_FAILURE() << "too many calls of " << name_of(each); });
        }
        for (const auto& each : running->steps) {
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
