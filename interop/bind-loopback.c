/* For a peer that can only bind all addresses: LD_PRELOAD turns 0.0.0.0 into 127.0.0.1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    struct sockaddr_in narrowed;

    if (real == NULL) real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
    if (address->sa_family != AF_INET || length < sizeof narrowed) return real(fd, address, length);
    memcpy(&narrowed, address, sizeof narrowed);
    if (narrowed.sin_addr.s_addr == htonl(INADDR_ANY)) narrowed.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return real(fd, (const struct sockaddr *)&narrowed, sizeof narrowed);
}
