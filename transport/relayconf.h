/*
 * relayconf.h - the configuration file of mconnect-relay: a word and its value in
 * each line, the words those of the long options.
 *
 *     # studio A
 *     input    rtp://:5000?name=main
 *     output   udp://@239.1.1.1:5000
 *     merge
 *
 * Memory   The word and the value are borrowed, for the time of the call.
 * Errors   Negative errno of reading; or what take() returned, with the line.
 */
#ifndef RELAYCONF_H
#define RELAYCONF_H

#include <stddef.h>

/*
 * One line, which is changed: 1 and *word and *value ("" if none), or 0: there is
 * nothing in it.
 */
int relayconf_line(char *line, char **word, char **value);

/* take() says 0, or what to end with. */
int relayconf_read(const char *path, int (*take)(void *arg, const char *word,
    const char *value, unsigned line), void *arg);

#endif
