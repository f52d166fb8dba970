/* A model of the sequence numbers of csrc/cache/store.h: one entry, whose two words of data stand
 * in memory that another entry may get, a writer that takes one record out and puts in another, a
 * repair after a writer that was killed at any step, and a reader. All interleavings of their steps
 * are tried. (That the steps are seen in their order is what acquire and release are for;
 * ThreadSanitizer checks that.) */
#include "harness.h"

enum { WORDS = 2, ENTRIES = 2 };

/* Shared memory. Both entries may have the same words of data. */
struct memory {
    int sequence[ENTRIES], len[ENTRIES];
    int record[ENTRIES]; /* which one it is (its hash) */
    int data[WORDS];
};

struct reader {
    int at; /* step */
    int entry, sequence, record, copy[WORDS];
    bool done, valid;
};

/* Step by step: the record in entry 0 (of value 1) is taken out, and one of value 2 goes to
 * entry 1, or to entry 0 again, with the same words of memory. */
struct writer {
    int at;
    int to; /* the entry of the new record */
    bool killed;
};

struct run {
    struct rhb_test *t;
    bool even_first; /* a wrong writer, to see that the model finds it */
    long states;
    int wrong;
};

enum { WRITER_STEPS = 10 };

static void writer_step(const struct run *run, struct memory *m, struct writer *w)
{
    int to = w->to;
    switch (w->at++) {
    case 0:
        m->sequence[0] += run->even_first ? 0 : 1;
        break;
    case 1:
        m->len[0] = 0;
        break;
    case 2:
        m->sequence[0] += run->even_first ? 0 : 1;
        break;
    case 3:
        m->sequence[to] += 1;
        break;
    case 4:
        m->data[0] = 2;
        break;
    case 5:
        m->data[1] = 2;
        break;
    case 6:
        m->record[to] = 2;
        break;
    case 7:
        m->len[to] = WORDS;
        break;
    case 8:
        m->sequence[to] += 1;
        break;
    default: /* the bucket: the reader looks at both entries anyway */
        break;
    }
}

/* What repair.c does: an odd entry is freed; an even one is kept as it is. */
static void repair(struct memory *m)
{
    for (int e = 0; e < ENTRIES; e++)
        if (m->sequence[e] & 1) {
            m->len[e] = 0;
            m->sequence[e]++;
        }
}

/* rhb_store_next and rhb_store_read, for the record of entry r->entry. */
static void reader_step(const struct memory *m, struct reader *r)
{
    switch (r->at++) {
    case 0:
        r->sequence = m->sequence[r->entry];
        r->done = r->sequence & 1;
        return;
    case 1:
        r->done = m->len[r->entry] == 0;
        return;
    case 2:
        r->record = m->record[r->entry];
        return;
    case 3:
        r->done = m->sequence[r->entry] != r->sequence;
        return;
    case 4:
        r->copy[0] = m->data[0];
        return;
    case 5:
        r->copy[1] = m->data[1];
        return;
    default:
        r->done = true;
        r->valid = m->sequence[r->entry] == r->sequence;
        return;
    }
}

static void look(struct run *run, struct memory m, struct writer w, struct reader r)
{
    run->states++;
    if (r.done) {
        run->wrong += r.valid && (r.copy[0] != r.record || r.copy[1] != r.record);
        return;
    }
    struct reader read = r;
    reader_step(&m, &read);
    look(run, m, w, read);
    if (w.at < WRITER_STEPS) {
        struct memory changed = m;
        struct writer wrote = w;
        writer_step(run, &changed, &wrote);
        look(run, changed, wrote, r);
        if (!w.killed) { /* killed here; the next one repairs, and writes from the start */
            struct memory mended = m;
            struct writer next = {.to = w.to, .killed = true, .at = 3};
            repair(&mended);
            if (mended.len[0] != 0)
                next.at = 0;
            look(run, mended, next, r);
        }
    }
}

static struct run all(struct rhb_test *t, bool even_first)
{
    struct run run = {.t = t, .even_first = even_first};
    for (int to = 0; to < ENTRIES; to++)
        for (int entry = 0; entry < ENTRIES; entry++) {
            struct memory m = {.len = {WORDS, 0}, .record = {1, 0}, .data = {1, 1}};
            look(&run, m, (struct writer){.to = to}, (struct reader){.entry = entry});
        }
    return run;
}

static void no_order_of_steps_lets_a_mixed_record_through(struct rhb_test *t)
{
    struct run run = all(t, false);
    CHECK_INT(run.wrong, 0);
    CHECK(run.states > 1000);
    rhb_note(t, "%ld states", run.states);
}

static void the_model_finds_a_writer_that_does_not_count(struct rhb_test *t)
{
    struct run run = all(t, true);
    CHECK(run.wrong > 0);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(no_order_of_steps_lets_a_mixed_record_through),
        RHB_CASE(the_model_finds_a_writer_that_does_not_count),
    };
    return RHB_RUN(cases);
}
