/* What __builtin_cpu_supports reads. zig's compiler-rt has only a stub of it that knows no
 * instruction set, so the parser would use its scalar variant everywhere. libgcc and LLVM's
 * compiler-rt have the layout and the numbers below in common. x86-64 only. */
#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>

enum { SSE42 = 8, AVX2 = 10, BMI = 16, BMI2 = 17 };
enum { SSE_AND_AVX_STATE = 6 }; /* XCR0: the kernel saves the registers */

struct {
    uint32_t vendor, type, subtype, features;
} __cpu_model;

static uint32_t state_saved(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static void set(int feature, uint32_t word, uint32_t bit)
{
    if (word & bit)
        __cpu_model.features |= UINT32_C(1) << feature;
}

__attribute__((constructor)) static void know_processor(void)
{
    uint32_t eax, ebx, ecx, edx;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
        return;
    set(SSE42, ecx, bit_SSE4_2);
    if (!(ecx & bit_OSXSAVE) || (state_saved() & SSE_AND_AVX_STATE) != SSE_AND_AVX_STATE)
        return;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
        return;
    set(AVX2, ebx, bit_AVX2);
    set(BMI, ebx, bit_BMI);
    set(BMI2, ebx, bit_BMI2);
}
#endif
