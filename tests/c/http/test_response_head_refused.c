/* Response heads: what is refused in the status and the fields of the application. */
#include "response_head_fixture.h"

static const struct bytes_row {
    const char *bytes;
    size_t len;
    enum rhb_head_result result;
} status_rows[] = {
    {BYTES("200 OK"), RHB_HEAD_OK},
    {BYTES("200 "), RHB_HEAD_OK},
    {BYTES("404 Not Found, really \"not\""), RHB_HEAD_OK},
    {BYTES("599 \tx"), RHB_HEAD_OK},
    {BYTES("999 x"), RHB_HEAD_OK},
    {BYTES("500 Ungl\xc3\xbc"
           "ck \xff"),
     RHB_HEAD_OK},
    {BYTES(""), RHB_HEAD_BAD_STATUS},
    {BYTES("2"), RHB_HEAD_BAD_STATUS},
    {BYTES("20"), RHB_HEAD_BAD_STATUS},
    {BYTES("200"), RHB_HEAD_BAD_STATUS},
    {BYTES("200\tOK"), RHB_HEAD_BAD_STATUS},
    {BYTES("200OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("2000 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES(" 200 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("20 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("+20 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("-20 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("2x0 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("0x2 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("OK 200"), RHB_HEAD_BAD_STATUS},
    {BYTES("000 x"), RHB_HEAD_BAD_STATUS},
    {BYTES("099 x"), RHB_HEAD_BAD_STATUS},
    {BYTES("100 Continue"), RHB_HEAD_BAD_STATUS}, /* informational is not final */
    {BYTES("101 Switching Protocols"), RHB_HEAD_BAD_STATUS},
    {BYTES("199 x"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 OK\r\nSet-Cookie: a=b"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 OK\r"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 OK\n"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 \0"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 O\x01K"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 O\x7fK"), RHB_HEAD_BAD_STATUS},
    {BYTES("\xd9\xa2"
           "00 OK"),
     RHB_HEAD_BAD_STATUS},
};

static void a_status_is_three_digits_from_200_a_space_and_a_reason(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(status_rows); i++) {
        struct rhb_bytes out = {0};
        struct rhb_response_head head;
        const struct bytes_row *row = &status_rows[i];
        if (!CHECK_INT(begin(&head, &out, row->bytes, row->len), row->result))
            rhb_note_bytes("status", row->bytes, row->len);
        if (row->result != RHB_HEAD_OK)
            CHECK_INT(out.len, 0);
        rhb_bytes_free(&out);
    }
}

/* Adds one field: checks the result, and that nothing is written when it is refused. */
static void try_field(struct rhb_test *t, const char *name, size_t name_len,
                      const struct bytes_row *value)
{
    struct rhb_bytes out = {0};
    struct rhb_response_head head;
    CHECK_INT(begin(&head, &out, BYTES("200 OK")), RHB_HEAD_OK);
    size_t before = out.len;
    if (!CHECK_INT(add(&head, name, name_len, value->bytes, value->len), value->result)) {
        rhb_note_bytes("name", name, name_len);
        rhb_note_bytes("value", value->bytes, value->len);
    }
    if (value->result != RHB_HEAD_OK)
        CHECK_INT(out.len, before);
    rhb_bytes_free(&out);
}

static void a_name_that_is_not_a_token_is_refused(struct rhb_test *t)
{
    static const struct bytes_row names[] = {
        {BYTES(""), RHB_HEAD_BAD_NAME},
        {BYTES("X Y"), RHB_HEAD_BAD_NAME},
        {BYTES("X:"), RHB_HEAD_BAD_NAME},
        {BYTES(":status"), RHB_HEAD_BAD_NAME},
        {BYTES("Content-Length "), RHB_HEAD_BAD_NAME},
        {BYTES(" Connection"), RHB_HEAD_BAD_NAME},
        {BYTES("X\r\nY"), RHB_HEAD_BAD_NAME},
        {BYTES("Date\n"), RHB_HEAD_BAD_NAME},
        {BYTES("Set-Cookie\r"), RHB_HEAD_BAD_NAME},
        {BYTES("X\0"), RHB_HEAD_BAD_NAME},
        {BYTES("X\t"), RHB_HEAD_BAD_NAME},
        {BYTES("\xc3\xa9"), RHB_HEAD_BAD_NAME},
        {BYTES("X\x7f"), RHB_HEAD_BAD_NAME},
        {BYTES("(x)"), RHB_HEAD_BAD_NAME},
    };
    for (size_t i = 0; i < COUNT(names); i++)
        try_field(t, names[i].bytes, names[i].len,
                  &(struct bytes_row){BYTES("v"), RHB_HEAD_BAD_NAME});
    try_field(t, BYTES("!#$%&'*+-.^_`|~09AZaz"), &(struct bytes_row){BYTES("v"), RHB_HEAD_OK});
}

/* Also in fields that are dropped or written later: the application has an error. */
static void a_value_with_a_control_is_refused_in_every_field(struct rhb_test *t)
{
    static const char *const names[] = {"X",    "Content-Type",   "Connection", "Transfer-Encoding",
                                        "Date", "Content-Length", "Server",     "Set-Cookie"};
    static const struct bytes_row values[] = {
        {BYTES("a\r\nSet-Cookie: b=c"), RHB_HEAD_BAD_VALUE},
        {BYTES("a\r\n\r\n<html>"), RHB_HEAD_BAD_VALUE},
        {BYTES("a\r"), RHB_HEAD_BAD_VALUE},
        {BYTES("a\n"), RHB_HEAD_BAD_VALUE},
        {BYTES("\n"), RHB_HEAD_BAD_VALUE},
        {BYTES("\r\n continued"), RHB_HEAD_BAD_VALUE},
        {BYTES("\0"), RHB_HEAD_BAD_VALUE},
        {BYTES("a\0b"), RHB_HEAD_BAD_VALUE},
        {BYTES("\x01"), RHB_HEAD_BAD_VALUE},
        {BYTES("\x7f"), RHB_HEAD_BAD_VALUE},
        {BYTES("5\x1f"), RHB_HEAD_BAD_VALUE},
        {BYTES("a long value that ends badly\n"), RHB_HEAD_BAD_VALUE},
        {BYTES("\na long value that begins badly"), RHB_HEAD_BAD_VALUE},
        {BYTES("a long value, bad\nin the middle"), RHB_HEAD_BAD_VALUE},
    };
    for (size_t i = 0; i < COUNT(names); i++)
        for (size_t j = 0; j < COUNT(values); j++)
            try_field(t, names[i], strlen(names[i]), &values[j]);
}

static void a_content_length_is_digits_up_to_2_63_minus_1(struct rhb_test *t)
{
    static const struct bytes_row values[] = {
        {BYTES("0"), RHB_HEAD_OK},
        {BYTES("9223372036854775807"), RHB_HEAD_OK},
        {BYTES(""), RHB_HEAD_BAD_LENGTH},
        {BYTES(" 5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("5 "), RHB_HEAD_BAD_LENGTH},
        {BYTES("+5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("-1"), RHB_HEAD_BAD_LENGTH},
        {BYTES("0x5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("5, 5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("5.0"), RHB_HEAD_BAD_LENGTH},
        {BYTES("1_000"), RHB_HEAD_BAD_LENGTH},
        {BYTES("None"), RHB_HEAD_BAD_LENGTH},
        {BYTES("\xd9\xa5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("9223372036854775808"), RHB_HEAD_BAD_LENGTH},
        {BYTES("18446744073709551621"), RHB_HEAD_BAD_LENGTH},
    };
    for (size_t i = 0; i < COUNT(values); i++)
        try_field(t, BYTES("cOntent-lEngth"), &values[i]);
}

static void two_content_lengths_that_differ_are_refused(struct rhb_test *t)
{
    static const char *const lines[] = {
        "Content-Length: 5\nContent-Length: 6\n",
        "Content-Length: 0\nContent-Length: 6\n",
        "Content-Length: 6\nContent-Length: 0\n",
        "Content-Length: 5\nContent-Length: 5\ncontent-length: 50\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct rhb_bytes out = {0};
        struct rhb_response_head head;
        CHECK_INT(begin(&head, &out, BYTES("200 OK")), RHB_HEAD_OK);
        CHECK_INT(add_lines(&head, lines[i]), RHB_HEAD_BAD_LENGTH);
        rhb_bytes_free(&out);
    }
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_status_is_three_digits_from_200_a_space_and_a_reason),
        RHB_CASE(a_name_that_is_not_a_token_is_refused),
        RHB_CASE(a_value_with_a_control_is_refused_in_every_field),
        RHB_CASE(a_content_length_is_digits_up_to_2_63_minus_1),
        RHB_CASE(two_content_lengths_that_differ_are_refused),
    };
    return RHB_RUN(cases);
}
