@echo off
rem SPDX-License-Identifier: MIT
rem
rem tests\run.cmd [PRESET...]: builds and runs the tests with Visual Studio, Debug and Release. Exit status: 0 if all tests pass.
setlocal
if "%~1"=="" "%~f0" msvc-x64
cd /d "%~dp0.."
:next
cmake --workflow --preset %1
if errorlevel 1 exit /b 1
shift
if not "%~1"=="" goto next
