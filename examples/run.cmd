@echo off
rem SPDX-License-Identifier: MIT
rem
rem examples\run.cmd [PRESET]: builds secure_echo with Visual Studio. Then a server and a client authenticate each other with
rem Negotiate as the logged-on user, and exchange messages. No domain is needed: on one machine Negotiate chooses NTLM, and
rem the client accepts NTLM here. At the end one message is changed on its way, and one is sent twice. Exit status: 0 if all
rem results were as expected.
setlocal
cd /d "%~dp0.."
set preset=%~1
if not defined preset set preset=msvc-x64
cmake --preset %preset%
if errorlevel 1 exit /b 1
cmake --build --preset %preset%-release --target secure_echo
if errorlevel 1 exit /b 1
set program=build\%preset%\tests\programs\Release\secure_echo.exe
set log=build\%preset%\server.log

echo.
echo server^> secure_echo serve --package negotiate
start "" /b cmd /c "%program% serve --package negotiate --port 0 --connections 4 >%log% 2>&1"
set port=
for /l %%i in (1,1,20) do if not defined port call :find_port
if not defined port echo error: the server does not listen& type %log%& exit /b 1

call :send 0 --kind sign
if errorlevel 1 exit /b 1
call :send 0 --kind seal
if errorlevel 1 exit /b 1
call :send 3 --kind seal --count 1 --tamper
if errorlevel 1 exit /b 1
call :send 3 --kind sign --count 1 --replay
if errorlevel 1 exit /b 1

echo.
echo The output of the server:
ping -n 3 127.0.0.1 >nul
type %log%
echo.
echo All results were as expected.
exit /b 0

rem :find_port: reads the port from the first line of the server: listening on port N
:find_port
ping -n 2 127.0.0.1 >nul
for /f "tokens=1,4" %%a in (%log%) do if %%a==listening set port=%%b
exit /b 0

rem :send STATUS OPTION...: runs a client that must end with this status.
:send
echo.
echo client^> secure_echo send --package negotiate --accept-ntlm --target HOST/localhost %2 %3 %4 %5 %6
%program% send --package negotiate --accept-ntlm --host 127.0.0.1 --port %port% --target HOST/localhost %2 %3 %4 %5 %6
if %errorlevel%==%1 exit /b 0
echo error: the client ended with %errorlevel%, not with %1
exit /b 1
