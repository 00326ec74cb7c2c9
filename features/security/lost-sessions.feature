@resilience @security @needs:psk @alone
Feature: A server that lost its DTLS sessions, as in a restart

  It loses those of all its devices, and none of them is told.

  @must @judges:lwm2m-server @rule:lost-sessions
  Scenario: A device that offers a session which the server does not know gets a new one
    Given device "c1" is registered with operator A
    When server A loses its DTLS sessions
    Then "c1" offers its session to server A and gets a new one

  @must @judges:lwm2m-server @rule:lost-sessions
  Scenario: A device that offers a session which the server kept goes on in it
    Given device "c1" is registered with operator A
    When server A loses its DTLS sessions but what they can be resumed from
    Then "c1" offers its session to server A and goes on in it

  @must @judges:device @rule:device-returns
  Scenario: A device finds out when it has something to say, and registers in another session
    Given device "c1" sends a message again at most 2 times
    And device "c1" is registered with operator A
    When server A loses its DTLS sessions and registrations
    Then "c1" finds out with its next Update to server A, and comes back
