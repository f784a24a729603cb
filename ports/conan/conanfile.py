# SPDX-License-Identifier: MIT
"""A Conan 2 recipe. It packages the tree that contains it: conan create ports/conan"""
import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain
from conan.tools.files import copy, load, rmdir

required_conan_version = ">=2.0"


class Sspan(ConanFile):
    name = "sspan"
    description = "Message integrity and authentication with Windows' SSPI over std::span"
    license = "MIT"
    topics = ("sspi", "kerberos", "ntlm", "authentication", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps"
    no_copy_source = True

    @property
    def _tree(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._tree, "include", "sspan", "version.hpp"))
        self.version = re.search(r'version = "(.*)"', header).group(1)

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "tests/loopback/*"):
            copy(self, pattern, self._tree, self.export_sources_folder)

    def requirements(self):
        self.requires("ms-gsl/4.0.0", transitive_headers=True)

    def validate(self):
        if self.settings.os != "Windows":
            raise ConanInvalidConfiguration("sspan's Conan package is for Windows")
        if self.settings.get_safe("compiler.cppstd"):
            check_min_cppstd(self, 20)

    def package_id(self):
        self.info.clear()

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables.update(SSPAN_BUILD_TESTS=False, SSPAN_BUILD_EXAMPLES=False, SSPAN_INSTALL=True)
        toolchain.generate()

    def build(self):
        CMake(self).configure()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        rmdir(self, os.path.join(self.package_folder, "share", "doc"))  # has only the licence, which is already in the package

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.system_libs = ["secur32", "advapi32"]
        # Users must find the installed CMake package, because it has components.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = [os.path.join("share", "cmake", "sspan")]
