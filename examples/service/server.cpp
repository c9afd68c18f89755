// A key-value store over HTTP/1.1 on one port: GET, PUT and DELETE of /keys/NAME, GET /keys, GET /health.
#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace {

constexpr size_t max_head = 16 * 1024;
constexpr size_t max_body = 1024 * 1024;

class Store {
  public:
    void put(const std::string &name, std::string value) {
        std::lock_guard lock(mutex_);
        values_[name] = std::move(value);
    }

    std::optional<std::string> get(const std::string &name) {
        std::lock_guard lock(mutex_);
        auto found = values_.find(name);
        return found == values_.end() ? std::nullopt : std::optional(found->second);
    }

    bool remove(const std::string &name) {
        std::lock_guard lock(mutex_);
        return values_.erase(name) > 0;
    }

    std::string names() {
        std::lock_guard lock(mutex_);
        std::string text;
        for (const auto &[name, value] : values_) {
            text += name + "\n";
        }
        return text;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::string> values_;
};

struct Request {
    std::string method;
    std::string path;
    std::string body;
    bool keep_alive = true;
};

struct Response {
    int status;
    std::string body;
};

const char *reason(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    default:
        return "Content Too Large";
    }
}

class Connection {
  public:
    explicit Connection(int socket) : socket_(socket) {}
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;
    ~Connection() { close(socket_); }

    // Nothing at the end of the connection; a status when the request is not one.
    std::optional<Request> read(int &error) {
        error = 0;
        size_t end;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
            if (buffer_.size() > max_head) {
                error = 413;
                return std::nullopt;
            }
            if (!fill()) {
                return std::nullopt;
            }
        }
        std::string head = buffer_.substr(0, end);
        buffer_.erase(0, end + 4);
        Request request;
        size_t first = head.find(' ');
        size_t second = head.find(' ', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            error = 400;
            return std::nullopt;
        }
        request.method = head.substr(0, first);
        request.path = head.substr(first + 1, second - first - 1);
        request.keep_alive = header(head, "connection") != "close";
        size_t length = std::strtoul(header(head, "content-length").c_str(), nullptr, 10);
        if (length > max_body) {
            error = 413;
            return std::nullopt;
        }
        while (buffer_.size() < length) {
            if (!fill()) {
                return std::nullopt;
            }
        }
        request.body = buffer_.substr(0, length);
        buffer_.erase(0, length);
        return request;
    }

    void write(const Response &response) {
        std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " + reason(response.status) +
                           "\r\ncontent-type: text/plain\r\ncontent-length: " + std::to_string(response.body.size()) +
                           "\r\n\r\n" + response.body;
        for (size_t sent = 0; sent < text.size();) {
            ssize_t done = send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (done <= 0) {
                return;
            }
            sent += static_cast<size_t>(done);
        }
    }

  private:
    bool fill() {
        char chunk[4096];
        ssize_t got = recv(socket_, chunk, sizeof chunk, 0);
        if (got <= 0) {
            return false;
        }
        buffer_.append(chunk, static_cast<size_t>(got));
        return true;
    }

    static std::string header(const std::string &head, std::string_view name) {
        size_t at = 0;
        while ((at = head.find("\r\n", at)) != std::string::npos) {
            at += 2;
            if (head.size() - at > name.size() && strncasecmp(head.data() + at, name.data(), name.size()) == 0 &&
                head[at + name.size()] == ':') {
                size_t from = head.find_first_not_of(' ', at + name.size() + 1);
                return head.substr(from, head.find("\r\n", from) - from);
            }
        }
        return "";
    }

    int socket_;
    std::string buffer_;
};

Response answer(Store &store, const Request &request) {
    constexpr std::string_view prefix = "/keys/";
    if (request.path == "/health") {
        return {200, "ok\n"};
    }
    if (request.path == "/keys" && request.method == "GET") {
        return {200, store.names()};
    }
    if (request.path.compare(0, prefix.size(), prefix) != 0 || request.path.size() == prefix.size()) {
        return {404, "no such path\n"};
    }
    std::string name = request.path.substr(prefix.size());
    if (request.method == "PUT") {
        store.put(name, request.body);
        return {201, ""};
    }
    if (request.method == "GET") {
        auto value = store.get(name);
        return value ? Response{200, *value} : Response{404, "no such key\n"};
    }
    if (request.method == "DELETE") {
        return store.remove(name) ? Response{200, ""} : Response{404, "no such key\n"};
    }
    return {405, "GET, PUT and DELETE\n"};
}

void serve(Store &store, int socket) {
    Connection connection(socket);
    for (;;) {
        int error;
        auto request = connection.read(error);
        if (!request) {
            if (error != 0) {
                connection.write({error, ""});
            }
            return;
        }
        connection.write(answer(store, *request));
        if (!request->keep_alive) {
            return;
        }
    }
}

void stop(int) {
    constexpr std::string_view text = "stopped\n";
    [[maybe_unused]] ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    _exit(0);
}

} // namespace

int main(int argc, char **argv) {
    // A process with number 1 has no default action for a signal: without this line TERM would not end it.
    std::signal(SIGTERM, stop);
    std::signal(SIGINT, stop);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080));
    socklen_t length = sizeof address;
    if (listener < 0 || bind(listener, reinterpret_cast<sockaddr *>(&address), length) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length) != 0) {
        std::perror("listen");
        return 1;
    }
    std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    Store store;
    for (;;) {
        int socket = accept(listener, nullptr, nullptr);
        if (socket >= 0) {
            std::thread([&store, socket] { serve(store, socket); }).detach();
        }
    }
}
