/* A response that is not stored: what that means for those who wait for it, and for what is stored.
 */
#include "base/clock.h"
#include "cache.h"

#define PASS_NS (10 * RHB_NS_PER_SECOND)

void rhb_filling_end_claim(struct rhb_cache *cache, struct rhb_filling *filling, bool stored)
{
    if (!filling->has_claim)
        return;
    filling->has_claim = false;
    rhb_cache_wake(cache, rhb_fills_end(&cache->memory->fills, &filling->claim, stored));
}

/* Others may be stored for the URI, with other values of their Vary fields for instance: then it is
 * looked up. */
static void pass_next(struct rhb_cache *cache, const struct rhb_filling *filling)
{
    struct rhb_pass *pass = rhb_cache_pass(cache, filling->tag);
    bool stores =
        rhb_record_has_uri(&cache->store, filling->hash, filling->key.data, filling->uri_len);
    uint64_t until = rhb_now_coarse() + PASS_NS;
    atomic_store_explicit(&pass->not_up, stores ? 0 : until, memory_order_relaxed);
    atomic_store_explicit(&pass->until, until, memory_order_relaxed);
    atomic_store_explicit(&pass->tag, filling->tag, memory_order_relaxed);
}

void rhb_filling_refuse(struct rhb_cache *cache, struct rhb_filling *filling)
{
    filling->storing = false;
    if (filling->has_claim && !filling->has_stale)
        pass_next(cache, filling);
    rhb_filling_end_claim(cache, filling, false);
}

void rhb_filling_supersede(struct rhb_cache *cache, struct rhb_filling *filling)
{
    if (!filling->has_old || !rhb_cache_lock(cache, RHB_STORING_MS))
        return;
    rhb_store_remove(&cache->store, &filling->old);
    rhb_cache_show(cache);
    rhb_store_unlock(&cache->store);
    filling->has_old = filling->has_stale = false;
}
