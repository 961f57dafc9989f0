/* What the parts of this program share: checks, and how values and texts are made and read. */
#ifndef CHECK_H
#define CHECK_H

#include "native_ref.h"

#include <stdio.h>
#include <string.h>

/* Number of checks that failed. */
extern int failures;

#define CHECK(condition)                                                  \
    do {                                                                  \
        if (!(condition)) {                                               \
            printf("  %s:%d: %s\n", __FILE__, __LINE__, #condition);      \
            failures++;                                                   \
        }                                                                 \
    } while (0)

/* A text as the two arguments that it crosses the boundary as. */
#define TEXT(text) (const uint8_t *)(text), (int64_t)strlen(text)
/* A buffer likewise. */
#define ROOM(buffer) (uint8_t *)(buffer), (int64_t)sizeof(buffer)

static inline RuntimeValue integer(int64_t value) { return rt_value_int(value); }
static inline RuntimeValue string(const char *text) { return rt_string_new(TEXT(text)); }

static inline bool is_string(RuntimeValue value, const char *text) {
    char buffer[256];
    int64_t len = rt_string_copy(value, ROOM(buffer));
    return len == (int64_t)strlen(text) && memcmp(buffer, text, (size_t)len) == 0;
}

/* Whether a function left exactly this text, of this length, in a buffer. */
static inline bool is_text(const char *buffer, int64_t len, const char *text) {
    return len == (int64_t)strlen(text) && memcmp(buffer, text, (size_t)len) == 0;
}

/* The domains, each a function that checks what it gets. */
void values(void);
void memory(void);
void collections(void);
void objects(void);
void io(void);
void interpreter(void);
void utilities(void);
void hashes(void);
void coverage(void);
void advice(void);
void arguments(void);
void processes(void);
void files(void);
void paths(void);
void searching(void);
void tcp(void);
void udp(void);
void http(void);
void concurrent(void);
void locks(void);
void async(void);
void threads(void);
void executor(void);
void numbers(void);
void compiler(void);
void torch(void);
void learning(void);

#endif /* CHECK_H */
