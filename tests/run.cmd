@echo off
rem SPDX-License-Identifier: MIT
rem
rem tests\run.cmd [PRESET...]: builds and runs the tests with Visual Studio, Debug and Release. Ends with 0 only if all pass.
setlocal
cd /d "%~dp0.."
set presets=%*
if not defined presets set presets=msvc-x64
for %%p in (%presets%) do cmake --workflow --preset %%p || exit /b 1
