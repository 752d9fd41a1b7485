/*
 * clockopt.h - the option --clock of tools that cut by time.
 *
 * Errors   A bad one ends the program with EXIT_USAGE.
 */
#ifndef ENCODE_CLOCKOPT_H
#define ENCODE_CLOCKOPT_H

#include <stdbool.h>

/* auto, arrival, none: where time comes from. */
void clock_option(const char *arg, bool *arrival, bool *recording);

#endif
