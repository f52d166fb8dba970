#include "chunk_extension.h"
#include "char_class.h"

enum {
    BAD = PHR_EXTENSION_BAD,
    BEFORE_SEMICOLON = PHR_EXTENSION_START,
    END = PHR_EXTENSION_END,
    BEFORE_NAME = PHR_EXTENSION_OTHERS,
    IN_NAME,
    BEHIND_NAME,
    BEFORE_VALUE,
    IN_TOKEN,
    IN_QUOTES,
    IN_ESCAPE, /* behind a backslash in quotes */
    BEHIND_QUOTES
};

enum kind { OTHER, BLANK, SEMICOLON, EQUALS, QUOTE, BACKSLASH, CR, TOKEN, TEXT, KINDS };

static enum kind kind_of(char byte)
{
    switch (byte) {
    case ' ':
    case '\t':
        return BLANK;
    case ';':
        return SEMICOLON;
    case '=':
        return EQUALS;
    case '"':
        return QUOTE;
    case '\\':
        return BACKSLASH;
    case '\r':
        return CR;
    default:
        return phr_is(byte, PHR_TOKEN) ? TOKEN : phr_is(byte, PHR_TEXT) ? TEXT : OTHER;
    }
}

/* What is not listed is BAD. The line may end behind a name, a token and quotes, not behind white
 * space. */
static const uint8_t next_states[][KINDS] = {
    [BEFORE_SEMICOLON] = {[BLANK] = BEFORE_SEMICOLON, [SEMICOLON] = BEFORE_NAME},
    [BEFORE_NAME] = {[BLANK] = BEFORE_NAME, [TOKEN] = IN_NAME},
    [IN_NAME] = {[TOKEN] = IN_NAME,
                 [BLANK] = BEHIND_NAME,
                 [EQUALS] = BEFORE_VALUE,
                 [SEMICOLON] = BEFORE_NAME,
                 [CR] = END},
    [BEHIND_NAME] = {[BLANK] = BEHIND_NAME, [EQUALS] = BEFORE_VALUE, [SEMICOLON] = BEFORE_NAME},
    [BEFORE_VALUE] = {[BLANK] = BEFORE_VALUE, [TOKEN] = IN_TOKEN, [QUOTE] = IN_QUOTES},
    [IN_TOKEN] =
        {[TOKEN] = IN_TOKEN, [BLANK] = BEFORE_SEMICOLON, [SEMICOLON] = BEFORE_NAME, [CR] = END},
    [IN_QUOTES] = {[BLANK] = IN_QUOTES,
                   [SEMICOLON] = IN_QUOTES,
                   [EQUALS] = IN_QUOTES,
                   [TOKEN] = IN_QUOTES,
                   [TEXT] = IN_QUOTES,
                   [BACKSLASH] = IN_ESCAPE,
                   [QUOTE] = BEHIND_QUOTES},
    [IN_ESCAPE] = {[BLANK] = IN_QUOTES,
                   [SEMICOLON] = IN_QUOTES,
                   [EQUALS] = IN_QUOTES,
                   [TOKEN] = IN_QUOTES,
                   [TEXT] = IN_QUOTES,
                   [BACKSLASH] = IN_QUOTES,
                   [QUOTE] = IN_QUOTES},
    [BEHIND_QUOTES] = {[BLANK] = BEFORE_SEMICOLON, [SEMICOLON] = BEFORE_NAME, [CR] = END},
};

uint8_t phr_extension_next(uint8_t state, char byte)
{
    return next_states[state][kind_of(byte)];
}
