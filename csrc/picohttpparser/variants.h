/* The variants of the parser, one for each instruction set: the same source, compiled with
 * different scanners. x86 has several, one of which is chosen at run time; every 64-bit ARM has
 * NEON. The published functions use the best variant of this machine; tests and
 * benchmarks use each of them. */
#ifndef RHB_PHR_VARIANTS_H
#define RHB_PHR_VARIANTS_H

#include "strict.h"

/* -DPHR_SCALAR_ONLY leaves the vector variants out, as on a machine that has none of them. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(PHR_SCALAR_ONLY)
#define PHR_X86 1
#else
#define PHR_X86 0
#endif

/* Its masks are for little endian. */
#if defined(__aarch64__) && defined(__ARM_NEON) && defined(__GNUC__) &&                            \
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined(PHR_SCALAR_ONLY)
#define PHR_NEON 1
#else
#define PHR_NEON 0
#endif

enum phr_isa { PHR_ISA_SCALAR, PHR_ISA_SSE42, PHR_ISA_AVX2, PHR_ISA_NEON, PHR_ISA_COUNT };

/* The outputs of phr_parse_response. */
struct phr_response_head {
    int minor_version;
    int status;
    const char *reason;
    size_t reason_len;
    struct phr_header *fields;
    size_t num_fields;
};

struct phr_field_list {
    struct phr_header *fields;
    size_t num_fields;
};

struct phr_variant {
    const char *name;
    int (*request_strict)(const char *buf, size_t len, const struct phr_limits *limits,
                          struct phr_request_head *head, size_t last_len);
    int (*request)(const char *buf, size_t len, struct phr_request_head *head, size_t last_len);
    int (*response)(const char *buf, size_t len, struct phr_response_head *head, size_t last_len);
    int (*fields)(const char *buf, size_t len, struct phr_field_list *list, size_t last_len);
};

extern const struct phr_variant phr_variant_scalar;
#if PHR_X86
extern const struct phr_variant phr_variant_sse42;
extern const struct phr_variant phr_variant_avx2;
#elif PHR_NEON
extern const struct phr_variant phr_variant_neon;
#endif

/* The variant for an instruction set; NULL when this machine or this build lacks it. */
const struct phr_variant *phr_variant(enum phr_isa isa);

/* The best variant of this machine. On x86 that costs a load and a test: libgcc (or compiler-rt)
 * keeps the result of CPUID. */
static inline const struct phr_variant *phr_best_variant(void)
{
#if PHR_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("bmi2"))
        return &phr_variant_avx2;
    if (__builtin_cpu_supports("sse4.2"))
        return &phr_variant_sse42;
#elif PHR_NEON
    return &phr_variant_neon;
#endif
    return &phr_variant_scalar;
}

#endif
