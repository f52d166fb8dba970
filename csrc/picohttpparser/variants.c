#include "variants.h"

const struct phr_variant *phr_variant(enum phr_isa isa)
{
    const struct phr_variant *best = phr_best_variant();

    if (isa == PHR_ISA_SCALAR)
        return &phr_variant_scalar;
#if PHR_X86
    if (isa == PHR_ISA_SSE42 && best != &phr_variant_scalar)
        return &phr_variant_sse42;
    if (isa == PHR_ISA_AVX2 && best == &phr_variant_avx2)
        return &phr_variant_avx2;
#elif PHR_NEON
    if (isa == PHR_ISA_NEON)
        return &phr_variant_neon;
#endif
    (void)best;
    return NULL;
}
