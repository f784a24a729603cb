// SPDX-License-Identifier: MIT
#include "scenario.hpp"

#include <sspan/credential_attributes.hpp>
#include <sspan/credentials.hpp>
#include <sspan/identity.hpp>
#include <sspan/package.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace faults {

namespace {

class packages final : public scenario {
public:
    explicit packages(const profile& which) {
        auto* list = &add("enumerate_packages", [this](auto&... ec) { all_ = sspan::enumerate_packages(ec...); });
        list->prepare = [this] { all_ = {}; };
        list->holds = [this] { return all_.size() == 3; };
        list->holds_after_failure = [this] { return all_.empty(); };
        list->differs = [this](const call& which_call, const fault& wrong) -> std::optional<expectation> {
            if (which_call.which == function::enumerate_security_packages && wrong.how == fault::kind::lies) {
                return expectation{{}, after::go_on, [this] { return all_.empty(); }}; // a null list is an empty list
            }
            return std::nullopt;
        };

        const auto name = which.package;
        auto* one = &add("query_package", [this, name](auto&... ec) { one_ = sspan::query_package(name, ec...); });
        one->prepare = [this] { one_ = {}; };
        one->holds = [this, name] { return one_.name == name && !one_.comment.empty() && one_.max_token != 0; };
        one->holds_after_failure = [this] { return one_.name.empty(); };
    }

private:
    std::vector<sspan::package_info> all_;
    sspan::package_info one_;
};

class credentials final : public scenario {
public:
    explicit credentials(const profile& which) {
        add("identity", [this] { who_.emplace(L"alice", L"LOOPBACK", L"correct horse"); }).constructs = true;

        const auto name = which.package;
        const auto both_sides = [this, name](const std::string_view* names, const sspan::credential_options& options) {
            acquire(names[0], [=](auto&&... ec) { return sspan::credentials::outbound(name, options, ec...); });
            acquire(names[1],
                    [=, this](auto&&... ec) { return sspan::credentials::outbound(name, *who_, options, ec...); });
            acquire(names[2], [=](auto&&... ec) { return sspan::credentials::inbound(name, options, ec...); });
        };
        constexpr std::string_view plain[]{"outbound", "outbound as somebody", "inbound"};
        constexpr std::string_view listed[]{"outbound with a list of packages", "outbound as somebody with a list",
                                            "inbound with a list of packages"};
        both_sides(plain, {});
        if (name == sspan::package::negotiate) {
            both_sides(listed, {.packages = L"kerberos,!ntlm"});
        }
        acquire("inbound as an opaque identity", [this, name](auto&&... ec) {
            return sspan::credentials::inbound(name, *who_, sspan::credential_options{}, ec...);
        }).prepare = [this] {
            made_ = {};
            who_ = sspan::identity::adopt(loopback::make_identity(L"alice", L"LOOPBACK", L"correct horse"));
        };

        auto& query = add("query_user_name", [this](auto&... ec) { user_ = sspan::query_user_name(made_, ec...); });
        query.prepare = [this] { user_.clear(); };
        query.holds = [this] { return user_ == L"LOOPBACK\\alice"; };
        query.holds_after_failure = [this] { return user_.empty(); };

        if (which.mutual_auth) { // NTLM has no KDC
            auto& proxy =
                add("set_kdc_proxy", [this](auto&... ec) { sspan::set_kdc_proxy(made_, L"proxy.example:443", ec...); });
            proxy.holds = [this] { return loopback::kdc_proxy(made_.native_handle()) == L"proxy.example:443"; };
            proxy.differs = [](const call& which_call, const fault& wrong) -> std::optional<expectation> {
                if (which_call.which == function::set_credentials_attributes && wrong.how == fault::kind::lies) {
                    return expectation{{}, after::go_on, [] { return true; }}; // this fault cannot be detected
                }
                return std::nullopt;
            };
        }

        auto& adopt = add(
            "adopt", [this, name](auto&... ec) { made_ = sspan::credentials::adopt(made_.release(), name, ec...); });
        adopt.holds = [this] { return made_ && made_.max_token() != 0; };
        adopt.holds_after_failure = [this] { return !made_ && loopback::live().credentials == 0; };
        adopt.after_failure = after::stop; // the handle was freed
    }

private:
    template <class Acquire>
    step& acquire(std::string_view name, const Acquire& by) {
        auto& added = add(name, [this, by](auto&... ec) { made_ = by(ec...); });
        added.prepare = [this] { made_ = {}; };
        added.holds = [this] { return made_ && made_.max_token() != 0 && !made_.package().empty(); };
        added.holds_after_failure = [this] { // zero, if the surface returns a value
            return !made_ && made_.max_token() == 0 && !made_.expiry() && loopback::live().credentials == 0;
        };
        return added;
    }

    std::optional<sspan::identity> who_;
    sspan::credentials made_;
    std::wstring user_;
};

} // namespace

std::unique_ptr<scenario> packages_scenario(const profile& which) {
    return std::make_unique<packages>(which);
}
std::unique_ptr<scenario> credentials_scenario(const profile& which) {
    return std::make_unique<credentials>(which);
}

} // namespace faults
