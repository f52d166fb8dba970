#include "twins.h"

const struct phr_twin *phr_twin(enum phr_isa isa)
{
    const struct phr_twin *best = phr_best_twin();

    if (isa == PHR_ISA_SCALAR)
        return &phr_twin_scalar;
#if PHR_X86
    if (isa == PHR_ISA_SSE42 && best != &phr_twin_scalar)
        return &phr_twin_sse42;
    if (isa == PHR_ISA_AVX2 && best == &phr_twin_avx2)
        return &phr_twin_avx2;
#endif
    (void)best;
    return NULL;
}
