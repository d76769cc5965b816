// The relay in C++20: coroutines on Asio, all in one thread.
//
// The upstream is read straight into a log, a ring of bytes that all clients share; a client is a position in it and
// two coroutines. One writes whatever lies between the position and the end of the log, many frames at once, and sleeps
// when there is nothing; the other throws away what the client sends. Between two `co_await`s nothing else runs, so
// there is neither a lock nor a queue. Asio is the reactor: it polls, and resumes those whom an event concerns.
//
// What it gives up: it ends with its upstream. Who is resumed next is Asio's business, so there is no order of service
// and no bound on a turn. A sleep allocates, so the steady state is not free of allocations. Whether a client has
// stalled is left to the kernel (TCP_USER_TIMEOUT, Linux only).
//
// Build: g++ -std=c++20 -O2 -pthread -DASIO_STANDALONE -o target/fanout-cpp examples/cpp/fanout.cpp

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <unordered_set>
#include <vector>

#include <asio.hpp>
#include <netinet/tcp.h>
#include <sys/resource.h>

using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;
using asio::ip::tcp;
using Timer = asio::steady_timer;
using namespace std::chrono_literals;

constexpr std::size_t frame_size = 1024;
constexpr std::size_t log_size = 16 << 20;    // How far a client may lag, less one read.
constexpr std::size_t read_size = 256 << 10;  // The most that is read, or written, at once.
constexpr int accept_queue = 4096;
constexpr int stall_timeout_ms = 10'000;  // A client that takes no byte for this long is thrown out.
constexpr auto drain_timeout = 5s;        // How long clients may take for their backlog after the upstream's end.
constexpr auto closing_timeout = 2s;      // How long a client that has been given its end may take to close.
constexpr auto accept_pause = 100ms;      // Before another try when there is no descriptor for a connection.

// The latest bytes of the upstream. A position in it is a number of bytes since the first.
class Log {
public:
    // Where the next bytes of the upstream go: in the place of those before the floor.
    asio::mutable_buffer spare() {
        auto at = filled_ % log_size;
        return {&bytes_[at], std::min(read_size, log_size - at)};
    }
    std::uint64_t floor() const { return filled_ + read_size < log_size ? 0 : filled_ + read_size - log_size; }
    // The end of the last whole frame. The bytes behind it are for nobody yet.
    std::uint64_t end() const { return filled_ / frame_size * frame_size; }
    // Takes in what has been read. Whether that completes a frame.
    bool commit(std::size_t length) {
        filled_ += length;
        return filled_ % frame_size < length;
    }
    // What can be written at once to a client at this position.
    asio::const_buffer from(std::uint64_t position) const {
        auto at = position % log_size;
        return {&bytes_[at], std::min({std::size_t(end() - position), read_size, log_size - at})};
    }

private:
    std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(log_size);
    std::uint64_t filled_ = 0;
};

struct Client {
    tcp::socket socket;
    Timer closing;  // Runs while the client has been given its end and may still send.
    std::uint64_t position;      // Of the first byte that it has not been given.
    bool is_silent = false;      // It will send nothing more.
    bool is_late = false;        // The upstream is not read until it has advanced.
};
using ClientPointer = std::shared_ptr<Client>;

class Server {
public:
    Server(asio::io_context& context, unsigned short port, bool waits)
        : context_(context), waits_(waits), acceptor_(context, {asio::ip::address_v4::loopback(), port}) {
        acceptor_.listen(accept_queue);
        acceptor_.non_blocking(true);
        std::cerr << "listening addr=" << acceptor_.local_endpoint() << std::endl;
    }

    awaitable<void> run(std::string host, std::string port) {
        std::error_code reason;
        // Without co_await: Asio would start a thread for it, which then stays.
        auto endpoints = tcp::resolver(context_).resolve(host, port, reason);
        tcp::socket upstream(context_);
        if (!reason) co_await asio::async_connect(upstream, endpoints, redirect_error(use_awaitable, reason));
        if (reason) throw std::system_error(reason, "upstream " + host + ":" + port);
        asio::co_spawn(context_, accept(), asio::detached);
        reason = co_await pull(upstream);
        acceptor_.close();
        has_ended_ = true;
        news_.cancel();
        drained_.expires_after(clients_.empty() ? 0s : drain_timeout);
        co_await wait(drained_);
        for (auto& client : clients_) client->socket.close();
        if (reason != asio::error::eof) throw std::system_error(reason, "upstream");
    }

private:
    // Reads the upstream into the log, until it ends.
    awaitable<std::error_code> pull(tcp::socket& upstream) {
        while (true) {
            co_await make_room();
            std::error_code error;
            auto length = co_await upstream.async_read_some(log_.spare(), redirect_error(use_awaitable, error));
            if (error) co_return error;
            accept_all();  // Who connected before a frame came is to have it.
            if (log_.commit(length)) news_.cancel();
        }
    }

    // Sees to it that no client needs what the next read overwrites.
    awaitable<void> make_room() {
        for (auto& client : std::vector(clients_.begin(), clients_.end())) {
            if (client->position < log_.floor()) waits_ ? hold_up(*client) : leave(client);
        }
        while (late_ > 0) co_await wait(room_);
    }

    void hold_up(Client& client) {
        client.is_late = true;
        ++late_;
    }

    void forgive(Client& client) {
        client.is_late = false;
        if (--late_ == 0) room_.cancel();
    }

    awaitable<void> accept() {
        Timer pause(context_);
        for (std::error_code error; !has_ended_;) {
            pause.expires_after(accept_all() == asio::error::would_block ? 0s : accept_pause);
            co_await wait(pause);
            co_await acceptor_.async_wait(tcp::acceptor::wait_read, redirect_error(use_awaitable, error));
        }
    }

    // Accepts whoever is in the accept queue: one at a time would take one round of all clients each.
    std::error_code accept_all() {
        std::error_code error, ignored;
        while (true) {
            auto socket = acceptor_.accept(error);
            if (error) return error;
            socket.set_option(tcp::no_delay(true), ignored);
            // However it is closed, it is a reset, until its stream has ended.
            socket.set_option(tcp::socket::linger(true, 0), ignored);
#ifdef TCP_USER_TIMEOUT
            setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &stall_timeout_ms, sizeof(int));
#endif
            auto client = std::make_shared<Client>(std::move(socket), Timer(context_), log_.end());
            clients_.insert(client);
            asio::co_spawn(context_, serve(client), asio::detached);
            asio::co_spawn(context_, hear(client), asio::detached);
        }
    }

    // Gives the client what there is, and its end when nothing more will come.
    awaitable<void> serve(ClientPointer client) {
        std::error_code error;
        auto token = redirect_error(use_awaitable, error);
        while (!error && (client->position < log_.end() || !has_ended_)) {
            auto bytes = log_.from(client->position);
            if (bytes.size() == 0) co_await wait(news_);
            else client->position += co_await client->socket.async_write_some(bytes, token);
            if (client->is_late && client->position >= log_.floor()) forgive(*client);
        }
        if (!error) client->socket.set_option(tcp::socket::linger(false, 0), error);
        if (!error) client->socket.shutdown(tcp::socket::shutdown_send, error);
        // Input that nobody has read would turn closing into a reset, and destroy what is still on its way.
        client->closing.expires_after(error || client->is_silent ? 0s : closing_timeout);
        co_await wait(client->closing);
        leave(client);
    }

    // Throws away what the client sends. The end of that is not the client's end, an error is.
    awaitable<void> hear(ClientPointer client) {
        static char waste[4096];
        std::error_code error;
        auto token = redirect_error(use_awaitable, error);
        while (!error) co_await client->socket.async_read_some(asio::buffer(waste), token);
        client->is_silent = true;
        client->closing.cancel();
        if (error != asio::error::eof) leave(client);
    }

    void leave(const ClientPointer& client) {
        client->socket.close();
        clients_.erase(client);
        if (client->is_late) forgive(*client);
        if (clients_.empty()) drained_.cancel();
    }

    // Waits until the timer is cancelled, or its time is up.
    static awaitable<void> wait(Timer& timer) {
        std::error_code cancelled;
        co_await timer.async_wait(redirect_error(use_awaitable, cancelled));
    }

    asio::io_context& context_;
    const bool waits_;  // For clients that lag too far, instead of throwing them out.
    tcp::acceptor acceptor_;
    Log log_;
    std::unordered_set<ClientPointer> clients_;
    std::size_t late_ = 0;  // How many clients are late.
    bool has_ended_ = false;
    Timer news_{context_, Timer::time_point::max()};  // Cancelled when the log has grown.
    Timer room_{context_, Timer::time_point::max()};  // Cancelled when no client is late any more.
    Timer drained_{context_};                         // Cancelled when no client is left.
};

[[noreturn]] void fail(int code, const std::string& why) {
    std::cerr << "fanout: " << why << std::endl;
    std::exit(code);
}

int main(int count, char** values) try {
    if (count < 3) fail(2, "HOST:PORT or PORT is missing");
    std::string upstream = values[1], number = values[2];
    auto colon = upstream.rfind(':');
    if (colon == std::string::npos) fail(2, "HOST:PORT \"" + upstream + "\" has no port");
    auto host = upstream.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    unsigned short port = 0;
    auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), port);
    if (error != std::errc() || *rest != '\0') fail(2, "PORT \"" + number + "\" is not a number from 0 to 65535");
    bool waits = count > 3 && values[3] == std::string("--wait");
    if (count > (waits ? 4 : 3)) fail(2, "unexpected argument \"" + std::string(values[waits ? 4 : 3]) + "\"");
    rlimit descriptors{};
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
    asio::io_context context(1);
    Server server(context, port, waits);
    asio::co_spawn(context, server.run(host, upstream.substr(colon + 1)), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    context.run();
} catch (const std::system_error& failure) {
    fail(1, failure.what());
}
