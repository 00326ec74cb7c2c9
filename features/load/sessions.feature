@load @needs:fleet @needs:psk @resilience @judges:lwm2m-server @must
Feature: A server that lost its DTLS sessions, as in a restart

  No device is told. Each finds out when it has something to say: its message stays without an answer, it makes another session and registers in it.

  @rule:fleet-returns @rule:no-handshake-storm
  Scenario: All sessions and registrations are lost, and the whole fleet returns
    Given the fleet is registered with operator A, among it:
      | silent-after-trigger | 2 % |
      | sleepy               | 5 % |
    When server A loses its sessions, and the fleet goes on
    Then every device of the fleet is listed by server A again
    And no device of the fleet shakes hands with server A without end

  @rule:fleet-returns @rule:no-handshake-storm
  Scenario: What sessions can be resumed from was kept, and the whole fleet returns
    Given the fleet is registered with operator A, among it:
      | silent-after-trigger | 2 % |
      | sleepy               | 5 % |
    When server A loses its sessions but what they can be resumed from, and the fleet goes on
    Then every device of the fleet is listed by server A again
    And no device of the fleet shakes hands with server A without end
