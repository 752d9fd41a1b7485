/*
 * relaygrant.h - mconnect-relay grant: one more subscriber in a file of grants.
 *
 * Shape    The file is written anew beside itself and renamed, for its owner alone;
 *          what the subscriber needs goes to standard output.
 * Errors   Ends with EXIT_USAGE or EXIT_RUNTIME, and says why.
 */
#ifndef RELAYGRANT_H
#define RELAYGRANT_H

int relaygrant_main(int argc, char *argv[]);

#endif
