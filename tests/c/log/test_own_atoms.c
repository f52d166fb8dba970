/* csrc/log/own_atoms.c: the atoms that gunicorn does not have. */
#include "format_fixture.h"

static void the_request_id_is_written_or_a_dash(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    check_line(t, "%({request_id}x)s", &entry, "-");
    entry.request_id = "abc-1";
    entry.request_id_len = 5;
    check_line(t, "<%({request_id}x)s>", &entry, "<abc-1>");
    check_line(t, "escape=json {\"id\": %({request_id}x)s}", &entry, "{\"id\": \"abc-1\"}");
}

static void a_name_that_is_not_known_is_a_hyphen_as_any_unknown_atom(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    check_line(t, "a %({request-id}x)s", &entry, "a -");
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_request_id_is_written_or_a_dash),
        RHB_CASE(a_name_that_is_not_known_is_a_hyphen_as_any_unknown_atom),
    };
    return RHB_RUN(cases);
}
