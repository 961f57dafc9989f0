/* Calls every domain of the runtime from C: `cc -I../include *.c -lnative_ref -lm`.
 *
 * Prints a line for each domain and ends with 1 if any check failed.
 */
#include "check.h"

int failures;

static const struct {
    const char *name;
    void (*run)(void);
} DOMAINS[] = {
    {"values", values},
    {"memory", memory},
    {"collections", collections},
    {"objects", objects},
    {"io", io},
    {"interpreter", interpreter},
    {"utilities", utilities},
    {"hashes", hashes},
    {"coverage", coverage},
    {"advice", advice},
    {"arguments", arguments},
    {"processes", processes},
    {"files", files},
    {"paths", paths},
    {"searching", searching},
    {"tcp", tcp},
    {"udp", udp},
    {"http", http},
    {"concurrent", concurrent},
    {"locks", locks},
    {"async", async},
    {"threads", threads},
    {"executor", executor},
    {"numbers", numbers},
    {"compiler", compiler},
    {"torch", torch},
    {"learning", learning},
};

int main(void) {
    for (size_t i = 0; i < sizeof DOMAINS / sizeof DOMAINS[0]; i++) {
        int before = failures;
        DOMAINS[i].run();
        printf("%s: %s\n", DOMAINS[i].name, failures == before ? "ok" : "FAILED");
    }
    return failures != 0;
}
