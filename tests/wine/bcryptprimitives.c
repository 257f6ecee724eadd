/* The one function of Windows' bcryptprimitives.dll that Rust's standard library calls. wine 8.0 has no such
   library, and a program that needs it does not start there; later versions bring their own. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
    return RtlGenRandom(data, (ULONG)length);
}
